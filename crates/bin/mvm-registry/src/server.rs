//! Connections.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use mvm_config::names::Endpoint;

use crate::answer::Answer;
use crate::request::Request;
use crate::store::Store;

/// Connections at a time: each is a thread, and a flintlockd has a few.
const MOST: usize = 64;
/// Bytes of a request's head.
const HEAD: usize = 16 << 10;
/// For the next request, or for the client to take the next bytes.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a thread's stack: a head, and the files' names.
const STACK: usize = 256 << 10;
/// After a failure to take a connection, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A registry that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    store: Arc<Store>,
}

impl Server {
    /// Listens; an empty host means every interface.
    ///
    /// # Errors
    /// When the address is taken, or none of this host.
    pub fn listen(address: &Endpoint, store: Store) -> io::Result<Self> {
        let host = if address.host().is_empty() { "::" } else { address.host() };
        let addresses: Vec<SocketAddr> = (host, address.port()).to_socket_addrs()?.collect();
        let listener = TcpListener::bind(&*addresses)?;
        Ok(Self { listener, store: Arc::new(store) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for ever.
    pub fn serve(self) -> ! {
        let open = Arc::new(AtomicUsize::new(0));
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log::debug!("{error}");
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            let slot = Slot::take(&open);
            let store = Arc::clone(&self.store);
            let work = move || {
                let sent = match &slot {
                    Some(slot) => talk(&mut stream, &store, slot),
                    None => prepare(&stream)
                        .and_then(|()| Answer::busy().send(&mut stream, false, true, MOST)),
                };
                if let Err(error) = sent {
                    log::debug!("{error}");
                }
            };
            if let Err(error) = thread::Builder::new().stack_size(STACK).spawn(work) {
                log::debug!("{error}");
                thread::sleep(PAUSE);
            }
        }
    }
}

/// One of the connections that may be open; given back when it ends, however that is.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let slot = Self(Arc::clone(open));
        // Without a slot the count goes back as well, when it is dropped.
        (open.fetch_add(1, Ordering::Relaxed) < MOST).then_some(slot)
    }

    /// How many are open now.
    fn open(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)
}

/// Requests, one after the other, until one of both sides ends it.
fn talk(stream: &mut TcpStream, store: &Store, slot: &Slot) -> io::Result<()> {
    prepare(stream)?;
    let mut buffer = Vec::new();
    while let Some(end) = head(stream, &mut buffer)? {
        let request = Request::read(&buffer[..end]);
        buffer.drain(..end);
        let Ok(request) = request else {
            return Answer::bad().send(stream, false, true, slot.open());
        };
        Answer::to(&request, store).send(stream, request.head_only, request.last, slot.open())?;
        if request.last {
            break;
        }
    }
    Ok(())
}

/// Reads until a head is whole, and tells where it ends; `None` when the client has gone. What
/// follows it stays for the next one.
fn head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(at + 4));
        }
        if buffer.len() >= HEAD {
            // As long as this it is none, and is answered as such.
            return Ok(Some(buffer.len()));
        }
        let mut piece = [0; 2048];
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            count => buffer.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
}
