//! A network that can be disturbed: a TCP proxy in front of a broker's listener, which tells the
//! connections that carry the input from those that carry the output by the requests on them.
//!
//! A client goes where the broker says it is, so the proxy belongs to a listener that advertises
//! it ([`Proxied`]).
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::broker::{Broker, Extra, free_port};

/// How soon a waiting connection sees that its way has changed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Pieces of a slow transfer.
const PIECE_BYTES: usize = 2048;

/// Which of the service's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Fetches, and what belongs to the consumer group.
    Input,
    /// Produce requests, and what belongs to transactions.
    Output,
}

/// What happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Closed, and closed again as soon as a new one tells its side.
    Cut,
    /// Nothing passes, and nothing is closed; what was sent arrives later.
    Stalled,
    /// Both directions, each connection.
    Slow {
        bytes_a_second: usize,
    },
    /// Requests arrive, their answers are lost. Such a connection stays deaf: only its client
    /// can end it.
    HalfOpen,
}

struct Connection {
    number: u64,
    side: Option<Side>,
    client: TcpStream,
    broker: TcpStream,
}

#[derive(Default)]
struct State {
    ways: [Option<Way>; 2],
    connections: Vec<Connection>,
    next: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    input_bytes: AtomicU64,
}

/// The proxy of one listener; see the module.
pub struct Proxy {
    /// `127.0.0.1:port` for clients.
    pub address: String,
    shared: Arc<Shared>,
}

impl Proxy {
    fn start(listener: TcpListener, broker: String) -> Proxy {
        let address = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Shared::default());
        let proxy = Proxy {
            address,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A broker that is down refuses; so does the proxy.
                if let Ok(broker) = TcpStream::connect(&broker) {
                    shared.connect(client, broker);
                }
            }
        });
        proxy
    }

    /// Sends the connections of one side another way.
    pub fn set(&self, side: Side, way: Way) {
        let mut state = self.shared.state();
        state.ways[side as usize] = Some(way);
        if way == Way::Cut {
            let cut = state.connections.iter().filter(|c| c.side == Some(side));
            cut.for_each(Connection::close);
        }
    }

    /// Bytes of the answers to the input side.
    pub fn input_bytes(&self) -> u64 {
        self.shared.input_bytes.load(Ordering::Relaxed)
    }
}

impl Connection {
    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.broker.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: TcpStream, broker: TcpStream) {
        for stream in [&client, &broker] {
            stream.set_nodelay(true).expect("a TCP socket");
        }
        let copy = |stream: &TcpStream| stream.try_clone().expect("a TCP socket");
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.connections.push(Connection {
            number,
            side: None,
            client: copy(&client),
            broker: copy(&broker),
        });
        drop(state);
        let pumps: [(TcpStream, TcpStream, Pump); 2] = [
            (copy(&client), copy(&broker), Shared::requests),
            (broker, client, Shared::answers),
        ];
        for (from, to, pump) in pumps {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                // It ends when either end does.
                let _ = pump(&shared, number, from, to);
                shared.forget(number);
            });
        }
    }

    fn forget(&self, number: u64) {
        let mut state = self.state();
        let connections = &mut state.connections;
        connections
            .iter()
            .filter(|c| c.number == number)
            .for_each(Connection::close);
        connections.retain(|c| c.number != number);
    }

    /// The side of a connection and the way it goes now; `None` when it is closed.
    fn way(&self, number: u64) -> Option<(Option<Side>, Way)> {
        let state = self.state();
        let connection = state.connections.iter().find(|c| c.number == number)?;
        let side = connection.side;
        let way = side.and_then(|side| state.ways[side as usize]);
        Some((side, way.unwrap_or(Way::Open)))
    }

    /// A request is four bytes of length, two of what is asked, and more.
    fn requests(&self, number: u64, mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
        let mut frame = vec![0; 6];
        loop {
            frame.truncate(6);
            from.read_exact(&mut frame)?;
            let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
            let side = side(i16::from_be_bytes([frame[4], frame[5]]));
            frame.resize((4 + length).max(6), 0);
            from.read_exact(&mut frame[6..])?;
            if let Some(side) = side {
                let mut state = self.state();
                let found = state.connections.iter_mut().find(|c| c.number == number);
                found.ok_or(io::ErrorKind::NotConnected)?.side = Some(side);
            }
            self.pass(number, &frame, &mut to, false)?;
        }
    }

    fn answers(&self, number: u64, mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        let mut deaf = false;
        loop {
            let read = from.read(&mut bytes)?;
            if read == 0 {
                return Ok(());
            }
            let (side, way) = self.way(number).ok_or(io::ErrorKind::NotConnected)?;
            deaf |= way == Way::HalfOpen;
            if deaf {
                continue;
            }
            if side == Some(Side::Input) {
                self.input_bytes.fetch_add(read as u64, Ordering::Relaxed);
            }
            self.pass(number, &bytes[..read], &mut to, true)?;
        }
    }

    fn pass(&self, number: u64, bytes: &[u8], to: &mut TcpStream, answer: bool) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (_, way) = self.way(number).ok_or(io::ErrorKind::NotConnected)?;
            match way {
                Way::Open => {
                    to.write_all(rest)?;
                    rest = &[];
                }
                Way::HalfOpen if !answer => {
                    to.write_all(rest)?;
                    rest = &[];
                }
                // Its first part is gone already.
                Way::HalfOpen => return Err(io::ErrorKind::NotConnected.into()),
                Way::Cut => return Err(io::ErrorKind::ConnectionReset.into()),
                Way::Stalled => thread::sleep(LOOK_AGAIN),
                Way::Slow { bytes_a_second } => {
                    let piece = rest.len().min(PIECE_BYTES);
                    to.write_all(&rest[..piece])?;
                    rest = &rest[piece..];
                    let seconds = f64::from(u32::try_from(piece).expect("small"))
                        / f64::from(u32::try_from(bytes_a_second).expect("slow"));
                    thread::sleep(Duration::from_secs_f64(seconds));
                }
            }
        }
        Ok(())
    }
}

type Pump = fn(&Shared, u64, TcpStream, TcpStream) -> io::Result<()>;

/// The side that a kind of request belongs to; some belong to both (Kafka protocol, API keys).
fn side(kind: i16) -> Option<Side> {
    match kind {
        // Fetch, ListOffsets; OffsetCommit, OffsetFetch; JoinGroup to SyncGroup.
        1 | 2 | 8 | 9 | 11..=14 => Some(Side::Input),
        // Produce; InitProducerId; AddPartitionsToTxn, AddOffsetsToTxn, EndTxn; TxnOffsetCommit.
        0 | 22 | 24..=26 | 28 => Some(Side::Output),
        _ => None,
    }
}

/// A broker of its own, with so many listeners behind a proxy each.
pub struct Proxied {
    pub broker: Broker,
    pub proxies: Vec<Proxy>,
}

impl Proxied {
    /// # Panics
    ///
    /// When it cannot be started; the text says what to install.
    pub fn start(proxies: usize) -> Proxied {
        let mut extra = Extra {
            properties: "num.network.threads=1\n".to_owned(),
            ..Extra::default()
        };
        let mut started = Vec::with_capacity(proxies);
        for number in 0..proxies {
            let own = format!("127.0.0.1:{}", free_port().expect("a free port"));
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let proxy = Proxy::start(listener, own.clone());
            for (text, addition) in [
                (&mut extra.listeners, own.as_str()),
                (&mut extra.advertised, &proxy.address),
            ] {
                text.push_str(&[&format!(",PROXIED{number}://"), addition].concat());
            }
            let protocol = format!(",PROXIED{number}:PLAINTEXT");
            extra.protocols.push_str(&protocol);
            started.push(proxy);
        }
        let broker = Broker::start_with(&extra).unwrap_or_else(|reason| panic!("{reason}"));
        Proxied {
            broker,
            proxies: started,
        }
    }
}
