//! Watch lists.
use super::*;

#[test]
fn watch_lists_come_from_every_layer_and_their_files() {
    let files = Files::new();
    let list = files.write("list.txt", "# names\nBlake@Contoso.example\n");
    let file = files.write(
        "watch.toml",
        format!(
            "[watch.emergency]\nusers = [\"alex@contoso.example\"]\nusers_file = \"{}\"\n\
             [watch.other]\nusers = \"x@contoso.example, y@contoso.example\"",
            list.display()
        ),
    );
    let sources = in_environment(
        in_file(with(&[]), file),
        &[(
            "SIGNIN_DIAGNOSTICS__WATCH__OTHER__USERS",
            "z@contoso.example",
        )],
    );
    let settings = Settings::load(&sources).unwrap();
    let accounts = |listed: &[&str]| {
        let mut accounts = Accounts::default();
        for account in listed {
            accounts.insert(account);
        }
        accounts
    };
    let lists: Vec<(&str, Accounts)> = settings
        .watch
        .iter()
        .map(|list| (&*list.name, list.accounts()))
        .collect();
    assert_eq!(
        lists,
        [
            (
                "emergency",
                accounts(&["alex@contoso.example", "blake@contoso.example"])
            ),
            ("other", accounts(&["z@contoso.example"])),
        ]
    );
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("alex") && !shown.contains("contoso"),
        "{shown}"
    );
}

#[test]
fn more_watch_lists_than_the_metrics_hold_and_lists_of_nobody_are_refused() {
    let mut text = String::from("[watch.nobody]\n");
    for number in 0..20 {
        writeln!(
            text,
            "[watch.list-{number}]\nusers = [\"a@contoso.example\"]"
        )
        .unwrap();
    }
    let files = Files::new();
    let text = refused(&in_file(with(&[]), files.write("watch.toml", text)));
    assert!(
        text.contains("watch: 21 lists are more than 20; join some of them"),
        "{text}"
    );
    assert!(text.contains("watch.nobody"), "{text}");
    assert!(text.contains("lists no account"), "{text}");
}
