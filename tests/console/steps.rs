//! The four steps in a browser.
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::served::Served;
use crate::{golden, story};

const USER: &str = "nadia.okafor@fabrikam.example";

/// The width of a phone held upright.
const NARROW: u32 = 320;

#[test]
fn the_four_steps_lead_from_a_name_to_what_to_do() {
    let served = Served::start(&story(), &[]);
    let mut browser = Browser::start();
    browser.without_scripts();
    browser.open(&served.url("/"));

    // Define.
    browser.click("#user");
    browser.types(&USER.to_uppercase());
    browser.click("form summary");
    browser.click("#outcome");
    browser.value("document.querySelector('#outcome').value = 'blocked'");
    browser.click("form details:nth-of-type(2) summary");
    browser.click("input[value=app]");
    browser.leads(|browser| browser.click("main button"));

    // Select.
    let page = browser.page();
    assert!(page.contains("1 sign-in\n"), "{page}");
    assert!(page.contains(&USER.to_uppercase()), "{page}");
    let headings =
        browser.text("[...document.querySelectorAll('th')].map(e => e.innerText).join()");
    assert!(headings.starts_with("Id,Time (UTC),User"), "{headings}");
    assert!(
        !headings.contains("Application"),
        "the column was chosen away: {headings}"
    );
    browser.leads(|browser| browser.click("td a"));

    // Review.
    let page = browser.page();
    for text in [
        "Blocked by Conditional Access",
        "Conditional Access blocked the sign-in of nadia.okafor@fabrikam.example",
        "Block outside the depots",
        "The flow, before and after",
        "Authentication details",
        "Identifiers",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }

    // Take action.
    browser.click("nav li:nth-child(4) a");
    assert_eq!(browser.text("location.hash"), "#action");
    let top = browser.value("document.querySelector('#action').getBoundingClientRect().top");
    assert!(top.as_f64().unwrap() < 700.0, "it is in the window: {top}");
    let links =
        browser.value("document.querySelectorAll('#action ~ ol a[href^=\"https://\"]').length");
    assert!(links.as_u64().unwrap() > 0);

    // And back, with everything that was asked for.
    browser.leads(|browser| browser.click("nav li:nth-child(2) a"));
    assert!(browser.page().contains("1 sign-in\n"));
    browser.leads(|browser| browser.click("nav li:nth-child(1) a"));
    assert_eq!(
        browser.text("document.querySelector('#user').value"),
        USER.to_uppercase()
    );
    assert_eq!(
        browser.text("document.querySelector('#outcome').value"),
        "blocked"
    );
    assert_eq!(
        browser.value("document.querySelector('details').open"),
        json!(true)
    );
    assert_eq!(browser.mischief(&served.url("/")), [""; 0]);
}

#[test]
fn the_keyboard_alone_is_enough() {
    let served = Served::start(&story(), &[]);
    let mut browser = Browser::start();
    browser.open(&served.url("/"));
    browser.presses("Tab");
    let first = browser.text("document.activeElement.innerText");
    assert_eq!(first, "Skip to the content");

    browser.tabs_to("element.id == 'user'");
    browser.types(USER);
    browser.tabs_to("element.innerText == 'Filters'");
    browser.presses("Enter");
    browser.tabs_to("element.id == 'code'");
    browser.types("53003, 50076");
    browser.leads(|browser| browser.presses("Enter"));
    assert!(browser.page().contains("Error codes\n53003, 50076"));

    browser.tabs_to("element.innerText == 'User' && element.closest('th')");
    browser.leads(|browser| browser.presses("Enter"));
    let sorted = browser.text("document.querySelector('th[aria-sort]').innerText");
    assert_eq!(sorted, "User");

    browser.tabs_to("element.closest('td')");
    browser.leads(|browser| browser.presses("Enter"));
    assert!(browser.text("document.title").starts_with("Review"));
    browser.tabs_to("element.innerText == 'Take action'");
    browser.presses("Enter");
    assert_eq!(browser.text("location.hash"), "#action");
}

#[test]
fn sign_ins_are_counted_and_a_count_leads_to_them() {
    let served = Served::start(&story(), &[]);
    let mut browser = Browser::start();
    browser.open(&served.url("/search?group=user"));
    let page = browser.page();
    assert!(page.contains("6 sign-ins in 3 groups"), "{page}");
    browser.leads(|browser| browser.click("td a"));
    let page = browser.page();
    assert!(
        page.contains("3 sign-ins\n") && page.contains(USER),
        "{page}"
    );
}

/// Everything that a stranger chooses, as they like it.
fn hostile(text: &str) -> Value {
    fn fill(value: &mut Value, text: &str) {
        match value {
            Value::String(own) => text.clone_into(own),
            Value::Array(all) => all.iter_mut().for_each(|value| fill(value, text)),
            Value::Object(all) => all.values_mut().for_each(|value| fill(value, text)),
            _ => {}
        }
    }
    let mut record = golden("blocked_by_conditional_access.json");
    let time = record["event_time"].clone();
    fill(&mut record, text);
    record["event_time"] = time;
    record
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let texts = [
        "<script>alert(1)</script>",
        "\"><img src=http://evil.example/x onerror=alert(1)>",
        "' onfocus=alert(1) autofocus x='",
        "</title></table></main><iframe src=javascript:alert(1)>",
        "javascript:alert(1)//long-enough",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "../../logout?x=\"<b>%0d%0aset-cookie:a=b",
        "{{7*7}} ${7*7} \u{202e}gnp.exe\u{0} \u{1b}[2J",
    ];
    let mut records: Vec<_> = texts.iter().map(|text| hostile(text)).collect();
    // Two of one flow: each review links to the other.
    for record in &mut records[5..7] {
        record["correlation_id"] = json!("<b>the flow of both</b>");
    }
    let columns =
        "user,name,app,resource,ip,place,country,device,client,policies,mfa,assessment,request-id";
    let served = Served::start(&records, &[]);
    let mut browser = Browser::start();
    let own = served.url("/");
    let is_inert = |browser: &mut Browser, what: &str| {
        let strange = browser.value(
            "[...document.querySelectorAll('script,img,iframe,object,embed,base,b,[onerror],[onfocus],[autofocus],a[href^=\"javascript:\" i]')].map(e => e.outerHTML)",
        );
        assert_eq!(strange, json!([]), "{what}");
        assert_eq!(browser.mischief(&own), [""; 0], "{what}");
    };
    browser.open(&served.url(&format!("/search?columns={columns}")));
    is_inert(&mut browser, "list");
    let page = browser.page();
    for text in &texts[..7] {
        assert!(page.contains(text), "{text} is not shown as it is: {page}");
    }
    assert!(!page.contains(['\u{202e}', '\u{1b}']), "{page}");
    let reviews =
        browser.value("[...document.querySelectorAll('td:first-child a')].map(a => a.href)");
    let reviews = reviews.as_array().unwrap().clone();
    assert_eq!(reviews.len(), texts.len());
    let mut linked = 0;
    for review in &reviews {
        let review = review.as_str().unwrap();
        assert!(review.starts_with(&served.url("/review/")), "{review}");
        browser.open(review);
        assert!(
            browser.text("document.title").starts_with("Review"),
            "{review}"
        );
        is_inert(&mut browser, review);
        let flow = browser
            .value("[...document.querySelectorAll('a[href*=\"/review/\"]')].map(a => a.href)");
        for link in flow.as_array().unwrap() {
            let link = link.as_str().unwrap();
            assert!(link.starts_with(&served.url("/review/")), "{link}");
            assert!(link.contains("&to=") && link.contains("&back="), "{link}");
            linked += 1;
        }
    }
    assert_eq!(linked, 2, "one to the other, and back");
    for group in ["user", "app", "scenario", "policy", "country"] {
        browser.open(&served.url(&format!("/search?group={group}")));
        is_inert(&mut browser, group);
    }
    // And what stands in the address, where a link from elsewhere leads.
    for text in texts {
        let given = form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        for path in [
            "/?user=",
            "/?",
            "/search?user=",
            "/search?from=",
            "/search?sort=",
            "/search?columns=",
            "/review/long-enough?back=",
            "/review/",
        ] {
            browser.open(&served.url(&format!("{path}{given}")));
            is_inert(&mut browser, &format!("{path}{given}"));
        }
    }
}

#[test]
fn a_narrow_window_is_scrolled_down_alone() {
    let mut records = story();
    records.push(hostile(&"a-name-without-a-blank".repeat(20)));
    let served = Served::start(&records, &[]);
    let mut browser = Browser::start();
    browser.window(NARROW, 640);
    for path in [
        "/",
        "/?code=x&columns=time",
        "/search?code=x",
        "/search",
        "/search?columns=user,name,app,policies,assessment,request-id",
        "/search?group=policy",
        "/review/3987a7dc",
        "/review/a-name-without-a-blank",
        "/nowhere",
    ] {
        browser.open(&served.url(path));
        let widest = browser.value("document.documentElement.scrollWidth");
        assert!(
            widest.as_u64().unwrap() <= u64::from(NARROW),
            "{path}: {widest}"
        );
    }
}

/// The pictures in the documents. `BLESS=1 cargo test --test console pictures` takes them anew.
#[test]
fn the_pictures_of_the_documents_can_be_taken() {
    let served = Served::start(&story(), &[]);
    let mut browser = Browser::start();
    browser.window(1_060, 560);
    for (name, path) in [
        (
            "define",
            "/?user=nadia.okafor%40fabrikam.example&from=2026-03-02+08:00",
        ),
        ("select", "/search?from=2026-03-02+08:00"),
        ("count", "/search?from=2026-03-02+08:00&group=user"),
        (
            "review",
            "/review/3987a7dc?from=2026-03-02+08:00&back=from%3D2026-03-02%2B08:00",
        ),
        (
            "action",
            "/review/3987a7dc?from=2026-03-02+08:00&back=from%3D2026-03-02%2B08:00&rows=20#action",
        ),
    ] {
        browser.open(&served.url(path));
        let picture = openssl::base64::decode_block(&browser.picture()).unwrap();
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/console/{name}.png"));
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, picture).unwrap();
        }
        // Of the one that is kept: what another browser and its fonts make of it has another size.
        let kept = fs::metadata(&file).map(|file| file.len());
        assert!(
            matches!(kept, Ok(bytes) if bytes < 120_000),
            "{} is missing or large: take it with BLESS=1; {kept:?}",
            file.display()
        );
    }
}
