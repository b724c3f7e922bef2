//! Connections that are cut, stalled, slowed or half-open, on the way in and on the way out: all
//! comes out, and goes on by itself.
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once, instance, keep_until_committed};
use crate::support::load::duplicates;
use crate::support::proxy::{Proxied, Proxy, Side, Way};
use crate::support::{Load, Setup};

const DEADLINE: Duration = Duration::from_mins(1);

/// Longer than the clients wait for an answer, but for a producer with transactions.
const HELD: Duration = Duration::from_millis(2_500);
const SOCKET_TIMEOUT: &str = "2000";

const SLOW: Way = Way::Slow {
    bytes_a_second: 10_000,
};

/// One for each test that disturbs a network.
pub enum Network {
    AtLeastOnce,
    ExactlyOnce,
    Gone,
    GoneWithTransactions,
    Replayed,
}

/// A broker behind proxies, started at the first call.
pub fn proxied(network: Network) -> (&'static Proxied, &'static Proxy) {
    static PROXIED: OnceLock<Proxied> = OnceLock::new();
    let proxied = PROXIED.get_or_init(|| Proxied::start(5));
    (proxied, &proxied.proxies[network as usize])
}

/// A service that reaches the broker through the proxy.
pub fn behind(network: Network, name: &str, mode: Mode) -> (Setup, &'static Proxy) {
    let (proxied, proxy) = proxied(network);
    let setup = mode(Setup::on(&proxied.broker, name, 4))
        .set("workers", "1")
        .env(
            "SIGNIN_DIAGNOSTICS__KAFKA__BOOTSTRAP_SERVERS",
            &proxy.address,
        );
    (instance(&setup, name), proxy)
}

fn is_disturbed(network: Network, name: &str, seed: u64, mode: Mode) -> usize {
    let (setup, proxy) = behind(network, name, mode);
    let setup = setup.set("kafka.properties.\"socket.timeout.ms\"", SOCKET_TIMEOUT);
    let mut load = Load::generate(seed, Profile::tests(), 500);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records());
    let mut restarts = 0;
    for side in [Side::Input, Side::Output] {
        for way in [Way::Cut, Way::Stalled, SLOW, Way::HalfOpen] {
            proxy.set(side, way);
            setup.send(load.grow(2_000));
            // The fault itself, and no waiting for something.
            thread::sleep(HELD);
            assert!(setup.lag() > 0, "{side:?} {way:?} was not felt");
            proxy.set(side, Way::Open);
            restarts += keep_until_committed(&setup, &mut service, DEADLINE);
        }
    }
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!(
        "{name}: {repeated} of {} twice, {restarts} restarts",
        load.records()
    );
    service.stop();
    repeated
}

#[test]
fn every_disturbance_of_input_and_output_loses_nothing() {
    is_disturbed(Network::AtLeastOnce, "disturbed", 51, at_least_once);
}

#[test]
fn every_disturbance_with_transactions_shows_every_record_once() {
    let repeated = is_disturbed(Network::ExactlyOnce, "once-disturbed", 52, exactly_once);
    assert_eq!(repeated, 0);
}
