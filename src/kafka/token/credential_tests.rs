//! What is asked at Entra ID's doors, played on loopback; the broker tests go through the others.
use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use azure_core::http::{AsyncRawResponse, Request};

use super::*;
use crate::config::{Application, Protocol};
use crate::testing::certificates::Certificate;
use crate::testing::https;

/// Sends what is meant for the metadata service's fixed address to another.
#[derive(Debug)]
struct Diverted {
    to: SocketAddr,
    http: reqwest::Client,
    /// Where the requests were meant to go.
    meant: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Diverted {
    fn execute_request<'s, 'r, 'f>(
        &'s self,
        request: &'r Request,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AsyncRawResponse>> + Send + 'f>>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
    {
        let mut request = request.clone();
        self.meant.lock().unwrap().push(request.url().to_string());
        let url = request.url_mut();
        url.set_ip_host(self.to.ip()).unwrap();
        url.set_port(Some(self.to.port())).unwrap();
        Box::pin(async move { self.http.execute_request(&request).await })
    }
}

fn security(ca_file: Option<PathBuf>) -> Security {
    Security {
        protocol: Protocol::SaslSsl,
        sasl: None,
        ca_file,
        client_certificate: None,
    }
}

fn identity(source: IdentitySource, authority_host: String) -> Identity {
    Identity {
        source,
        authority_host,
        scope: "https://example.servicebus.windows.net/.default".to_owned(),
    }
}

#[tokio::test]
async fn a_machine_asks_its_metadata_service() {
    let server = https::serve(None, |request| {
        assert!(request.target.starts_with("GET /metadata/"));
        assert_eq!(request.header("metadata"), Some("true"));
        (
            200,
            "{\"access_token\":\"hunter2\",\"expires_on\":\"4102444800\",\"resource\":\"r\",\
             \"token_type\":\"Bearer\"}"
                .to_owned(),
        )
    });
    let source = IdentitySource::Managed {
        client_id: Some("user-assigned".to_owned()),
    };
    let meant = Arc::default();
    let diverted = Diverted {
        to: server,
        http: reqwest::Client::new(),
        meant: Arc::clone(&meant),
    };
    let credential = Credential::over(identity(source, String::new()), Arc::new(diverted));
    let token = credential.fetch().await.unwrap();
    assert_eq!(token.text.expose(), "hunter2");
    let since_epoch = token.expires.duration_since(SystemTime::UNIX_EPOCH);
    assert_eq!(since_epoch.unwrap().as_secs(), 4_102_444_800);
    let asked = meant.lock().unwrap().concat();
    assert!(
        asked.starts_with("http://169.254.169.254/metadata/identity/oauth2/token?"),
        "{asked}"
    );
    for part in [
        "resource=https%3A%2F%2Fexample.servicebus.windows.net",
        "client_id=user-assigned",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
}

#[tokio::test]
async fn only_a_trusted_authority_gets_the_secret_and_its_refusal_is_told() {
    let authority = Certificate::authority("test authority");
    let server = authority.signed("localhost", 30);
    let server = https::serve(Some(&server), |request| {
        if request.body.contains("client_secret=new") {
            let answer = "{\"access_token\":\"t\",\"expires_in\":60}";
            return (200, answer.to_owned());
        }
        // A line break in it is what the identity library does not expect.
        (
            401,
            "{\"error_codes\":[7000215],\"error_description\":\"AADSTS7000215: Invalid client \
             secret provided.\\r\\nTrace ID: 1\"}"
                .to_owned(),
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "hunter2").unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, authority.pem()).unwrap();
    let source = IdentitySource::ClientSecret {
        application: Application {
            tenant_id: "tenant".to_owned(),
            client_id: "client".to_owned(),
        },
        secret: SecretText::File(secret.clone()),
    };
    let identity = identity(source, format!("https://{server}"));

    let distrusting = Credential::new(identity.clone(), &security(None)).unwrap();
    let refused = distrusting.fetch().await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");

    let trusting = Credential::new(identity, &security(Some(ca_file))).unwrap();
    let refused = trusting.fetch().await.unwrap_err().to_string();
    assert!(refused.contains("AADSTS7000215"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");

    // The secret is replaced while the service runs.
    fs::write(&secret, "new").unwrap();
    assert_eq!(trusting.fetch().await.unwrap().text.expose(), "t");
}
