//! Headless Chromium, driven over a pipe by the `DevTools` protocol: no driver beside it.
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::leash::Leash;

/// Of everything that is waited for. A page takes some ten milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// One tab. What the browser tells unasked is kept in `events`.
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    next: u64,
    session: Option<String>,
    events: Vec<Value>,
    _leash: Leash,
    _profile: TempDir,
}

impl Browser {
    /// # Panics
    ///
    /// Where there is no Chromium, with what installs it.
    pub fn start() -> Browser {
        let profile = TempDir::with_prefix("signin-diagnostics-browser-").expect("a folder");
        // DevTools talks on 3 and 4: the shell puts the two pipes there.
        let script =
            r#"program=$1; shift; exec "$program" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;
        let mut process = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(program())
            .args([
                "--headless",
                "--remote-debugging-pipe",
                // Its own sandbox wants rights that a container does not have. Nothing but the
                // pages of the test is opened.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                "--lang=en",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let leash = Leash::attach(process.id(), Some(profile.path()));
        let to = process.stdin.take().expect("it is piped");
        let answers = process.stdout.take().expect("it is piped");
        let (tell, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("DevTools speaks JSON");
                if tell.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Browser {
            process,
            to,
            from,
            next: 0,
            session: None,
            events: Vec::new(),
            _leash: leash,
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in [
            "Page.enable",
            "Network.enable",
            "Log.enable",
            "Runtime.enable",
        ] {
            browser.ask(domain, json!({}));
        }
        browser.window(1_000, 700);
        browser
    }

    /// Asks, and waits for the answer.
    #[allow(clippy::needless_pass_by_value)] // it is made for the call
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        let deadline = Instant::now() + DEADLINE;
        loop {
            let message = self.next_message(deadline, method);
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn next_message(&mut self, deadline: Instant, waits_for: &str) -> Value {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.from.recv_timeout(left) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("no answer within {DEADLINE:?}: {waits_for}"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!(
                    "the browser ended: {:?}; {waits_for}",
                    self.process.try_wait()
                )
            }
        }
    }

    /// Does what leads to another page, and waits until that is there.
    pub fn leads(&mut self, act: impl FnOnce(&mut Browser)) {
        // Whatever was told before is here when this is answered.
        self.value("1");
        self.events
            .retain(|event| event["method"] != "Page.loadEventFired");
        act(self);
        let deadline = Instant::now() + DEADLINE;
        while !self.has_event("Page.loadEventFired") {
            let event = self.next_message(deadline, "another page");
            self.events.push(event);
        }
    }

    fn has_event(&self, method: &str) -> bool {
        self.events.iter().any(|event| event["method"] == method)
    }

    pub fn open(&mut self, url: &str) {
        self.leads(|browser| {
            let answer = browser.ask("Page.navigate", json!({ "url": url }));
            assert!(answer.get("errorText").is_none(), "{url}: {answer}");
        });
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", params);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        let text = value.as_str().map(ToOwned::to_owned);
        text.unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// What a person reads on the page.
    pub fn page(&mut self) -> String {
        self.text("document.body.innerText")
    }

    /// Presses the mouse on the first element that the selector finds.
    pub fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const e = document.querySelector({selector:?}); \
             e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const r = e.getClientRects()[0]; return [r.x + Math.min(r.width, 30) / 2, r.y + r.height / 2]; }})()"
        );
        let place = self.value(&place);
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({ "type": kind, "x": place[0], "y": place[1],
                "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", params);
        }
    }

    /// Types into what has the focus.
    pub fn types(&mut self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// Presses `Tab`, `Enter` or ` `.
    pub fn presses(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            " " => ("Space", 32, " "),
            key => panic!("{key:?} is not taught"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({ "type": kind, "key": key, "code": code,
                "windowsVirtualKeyCode": number });
            if kind == "keyDown" && !text.is_empty() {
                params["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", params);
        }
    }

    /// Goes on with Tab until the focus is on what the expression says of `element`.
    pub fn tabs_to(&mut self, is_there: &str) {
        let is_there = format!("(element => !!({is_there}))(document.activeElement)");
        for _ in 0..80 {
            self.presses("Tab");
            if self.value(&is_there) == json!(true) {
                let outline = self.text("getComputedStyle(document.activeElement).outlineStyle");
                assert_ne!(outline, "none", "the focus is not seen: {is_there}");
                return;
            }
        }
        panic!("80 tabs do not lead to {is_there}");
    }

    pub fn window(&mut self, width: u32, height: u32) {
        let params = json!({ "width": width, "height": height,
            "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", params);
    }

    /// No script of a page runs from here on.
    pub fn without_scripts(&mut self) {
        self.ask(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": true }),
        );
    }

    /// Dialogs that a page opened, requests to elsewhere, and what its policy had to refuse.
    pub fn mischief(&mut self, own: &str) -> Vec<String> {
        // Whatever was told before is here when this is answered.
        self.value("1");
        let events = self.events.iter();
        let bad = events.filter(|event| match event["method"].as_str() {
            Some(
                "Page.javascriptDialogOpening"
                | "Runtime.exceptionThrown"
                | "Runtime.consoleAPICalled",
            ) => true,
            // That a page was not found is told, too.
            Some("Log.entryAdded") => event["params"]["entry"]["source"] != "network",
            Some("Network.requestWillBeSent") => {
                let url = event["params"]["request"]["url"].as_str();
                !url.is_some_and(|url| url.starts_with(own))
            }
            _ => false,
        });
        bad.map(ToString::to_string).collect()
    }

    /// A PNG of what the window shows.
    pub fn picture(&mut self) -> String {
        let answer = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        answer["data"].as_str().expect("it is there").to_owned()
    }
}

fn program() -> &'static str {
    let programs = ["chromium", "google-chrome"];
    let is_there = |program: &&str| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$1\"", "sh", program])
            .stdout(Stdio::null())
            .status();
        found.is_ok_and(|status| status.success())
    };
    programs.into_iter().find(is_there).unwrap_or_else(|| {
        panic!(
            "chromium is missing; install it with: apt-get install --no-install-recommends chromium"
        )
    })
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
