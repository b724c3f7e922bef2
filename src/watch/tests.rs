use std::fmt::Write as _;
use std::fs;

use super::*;

const ID: &str = "5c1d9a34-0000-4000-8000-2b2b2b2b2b02";
const NAME: &str = "break.glass@contoso.example";

fn sign_in(id: Option<&'static str>, name: Option<&'static str>) -> SignIn<'static> {
    SignIn {
        user_id: id.map(|id| Personal::new(id.into())),
        user_principal_name: name.map(|name| Personal::new(name.into())),
        ..SignIn::default()
    }
}

fn accounts(listed: &[&str]) -> Accounts {
    let mut accounts = Accounts::default();
    for account in listed {
        accounts.insert(account);
    }
    accounts
}

fn list(name: &str, listed: &[&str]) -> WatchList {
    WatchList {
        name: name.to_owned(),
        users: accounts(listed),
        file: None,
    }
}

#[test]
fn an_account_is_found_by_id_or_name_in_any_case_on_each_of_its_lists() {
    let lists = WatchLists::new(&[
        list("by_id", &[ID]),
        list("by_name", &[NAME]),
        list("neither", &["other@contoso.example"]),
    ]);
    let on = |sign_in| lists.of(&sign_in).iter().collect::<Vec<usize>>();
    assert_eq!(on(sign_in(Some(ID), None)), [0]);
    assert_eq!(on(sign_in(None, Some("Break.Glass@CONTOSO.example"))), [1]);
    assert_eq!(
        on(sign_in(
            Some("5C1D9A34-0000-4000-8000-2B2B2B2B2B02"),
            Some(NAME)
        )),
        [0, 1]
    );
    assert_eq!(
        on(sign_in(Some("5c1d9a34"), Some("glass@contoso.example"))),
        [0; 0]
    );
    assert_eq!(on(sign_in(None, None)), [0; 0]);
    assert!(
        WatchLists::default()
            .of(&sign_in(Some(ID), None))
            .is_empty()
    );
}

#[test]
fn a_list_is_read_line_by_line() {
    let text = format!(
        "\u{feff}# emergency access\r\n\r\n  {ID}  # the first\n\t{NAME}\n#{NAME}x\n\
         guest_fabrikam.com#EXT#@contoso.example\n"
    );
    let expected = accounts(&[ID, NAME, "guest_fabrikam.com#EXT#@contoso.example"]);
    assert_eq!(Accounts::parse(&text), Ok(expected));
}

#[test]
fn a_list_that_would_watch_nobody_is_refused_without_naming_anybody() {
    for (text, reason) in [
        ("", "lists no account"),
        ("# nobody\n", "lists no account"),
        (
            "a@b.example\nAlex Doe\n",
            "line 2 is neither an object id nor a user principal name",
        ),
        (
            "alex\n",
            "line 1 is neither an object id nor a user principal name",
        ),
        (
            "a@b.example c@d.example\n",
            "line 1 is neither an object id nor a user principal name",
        ),
        (
            "5c1d9a340000400080002b2b2b2b2b02\n",
            "line 1 is neither an object id nor a user principal name",
        ),
    ] {
        assert_eq!(Accounts::parse(text), Err(reason.to_owned()), "{text}");
    }
    let mut many = String::new();
    for number in 0..=MAX_ACCOUNTS {
        writeln!(many, "user{number}@contoso.example").unwrap();
    }
    assert_eq!(
        Accounts::parse(&many),
        Err("lists more than 10000 accounts".to_owned())
    );
    let (_, fewer) = many.split_once('\n').unwrap();
    assert_eq!(Accounts::parse(fewer).unwrap().len(), MAX_ACCOUNTS);
}

#[test]
fn a_changed_file_is_taken_over_and_a_bad_one_is_refused_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("emergency.txt");
    fs::write(&path, ID).unwrap();
    let lists = [
        list("fixed", &[ID]),
        WatchList {
            name: "emergency".to_owned(),
            users: accounts(&["kept@contoso.example"]),
            file: Some(ListFile::read(&path).unwrap()),
        },
    ];
    let shared = Arc::new(Shared::new(WatchLists::new(&lists)));
    let mut follower = Follower::new(Arc::clone(&shared));
    let mut reloader = Reloader::new(&lists, shared).unwrap();
    let mut on = |id, name| {
        let watched = follower.current().of(&sign_in(id, name));
        watched.iter().collect::<Vec<usize>>()
    };
    let mut reload = |content: Option<&[u8]>| {
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let results = |reloader: &mut Reloader| -> Vec<(usize, Result<usize, String>)> {
            let changes = reloader.reload().into_iter();
            changes.map(|change| (change.list, change.result)).collect()
        };
        let changes = results(&mut reloader);
        assert_eq!(results(&mut reloader), [], "told once");
        changes
    };

    assert_eq!(reload(Some(ID.as_bytes())), [], "nothing changed");
    assert_eq!(on(Some(ID), None), [0, 1]);
    assert_eq!(reload(Some(NAME.as_bytes())), [(1, Ok(2))]);
    assert_eq!(on(Some(ID), None), [0]);
    assert_eq!(on(None, Some(NAME)), [1]);
    assert_eq!(on(None, Some("kept@contoso.example")), [1]);
    for (content, reason) in [
        (Some(&b"Break Glass"[..]), "line 1 is neither"),
        (Some(b"\xff\xfe"), "is not UTF-8 text"),
        (Some(b""), "lists no account"),
        (None, "cannot be read"),
    ] {
        let changes = reload(content);
        let [(1, Err(said))] = &changes[..] else {
            panic!("{changes:?}");
        };
        assert!(said.starts_with(reason), "{said}");
        assert_eq!(on(None, Some(NAME)), [1], "the list before stays");
    }
    assert_eq!(reload(Some(ID.as_bytes())), [(1, Ok(2))]);
    assert_eq!(on(Some(ID), None), [0, 1]);
    assert_eq!(on(None, Some(NAME)), [0; 0]);
}

#[test]
fn no_file_no_thread() {
    let lists = [list("fixed", &[ID])];
    assert!(Reloader::new(&lists, Arc::default()).is_none());
}
