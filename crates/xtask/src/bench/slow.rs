//! A proxy that adds time to each request, as a registry far away would.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// Starts the proxy, which ends with this process; gives its address. A request of a pull is one
/// piece of text, so each piece that a client sends waits for `delay`.
pub(super) fn start(to: SocketAddr, delay: Duration) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || connection(client, to, delay));
        }
    });
    Ok(address)
}

/// Ends when either side does; whoever is left sees a connection that is closed.
fn connection(mut client: TcpStream, to: SocketAddr, delay: Duration) -> io::Result<()> {
    let mut server = TcpStream::connect(to)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let copied = io::copy(&mut answers, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Both);
        copied
    });
    let mut piece = [0; 16 << 10];
    loop {
        let count = client.read(&mut piece)?;
        if count == 0 {
            return server.shutdown(std::net::Shutdown::Both);
        }
        thread::sleep(delay);
        server.write_all(&piece[..count])?;
    }
}
