//! `healthcheck`: asks the service of this container or machine whether it lives.
//!
//! An image without a shell has nothing else to ask with. It reads the same settings as `run`, for
//! the address alone, and opens no connection but the one to it.
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::refuse;
use crate::config::{Settings, SettingsArgs};

/// The answer takes milliseconds; a container's own deadline is longer.
const DEADLINE: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub struct HealthcheckArgs {
    /// Ask /readyz, and say what is not ready, instead of /livez
    #[arg(long)]
    ready: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// Prints the answer; exit code 0 where it is 200.
pub fn run(args: &HealthcheckArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let listen = match Settings::listen_address(&args.settings.sources()) {
        Ok(listen) => listen,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let path = if args.ready {
        "/readyz?verbose"
    } else {
        "/livez"
    };
    let url = format!("http://{}{path}", reachable(listen));
    let (is_healthy, answer) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for HTTP")?
        .block_on(ask(&url))
        .with_context(|| {
            format!("no answer from {url}; does the service run, and listen there?")
        })?;
    writeln!(out, "{}", answer.trim_end())?;
    Ok(if is_healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn ask(url: &str) -> reqwest::Result<(bool, String)> {
    let client = reqwest::Client::builder()
        // The service is here: what HTTPS_PROXY says is for Entra ID.
        .no_proxy()
        .timeout(DEADLINE)
        .build()?;
    let answer = client.get(url).send().await?;
    let is_healthy = answer.status() == reqwest::StatusCode::OK;
    Ok((is_healthy, answer.text().await?))
}

/// Where to ask one who listens on every address: on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            let listen = listen.parse().unwrap();
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }
}
