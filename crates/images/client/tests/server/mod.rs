//! A registry that answers as a test tells it to, down to the byte. Not every test needs all of it.
#![allow(dead_code)]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mvm_core::Digest;
use mvm_images_client::registry::{Registry, Settings, Timeouts};
use mvm_images_plan::auth::Logins;
use mvm_images_plan::manifest::Descriptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// What came in: the request's line and its headers, in lower case but for their values.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What goes out.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// After the body: as many more bytes as the client takes.
    pub(crate) endless: bool,
    /// Between single bytes of the body.
    pub(crate) trickle: Option<Duration>,
}

pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| *name == "content-length" || *name == "x-endless") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let endless = headers.iter().any(|(name, _)| *name == "x-endless");
    Answer { head, body: body.to_vec(), endless, trickle: None }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) received: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `reply` gets each request and how many came before it.
    pub(crate) async fn start(
        reply: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (received.clone(), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, log.clone(), reply.clone()));
            }
        });
        Self { address, received }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve<F: Fn(&Request, usize) -> Answer>(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Request>>>,
    reply: Arc<F>,
) {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let mut line = lines.next().unwrap().split(' ').map(str::to_owned);
    let (method, path) = (line.next().unwrap(), line.next().unwrap());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let body = String::from_utf8(body).unwrap();
    let request = Request { method, path, headers, body };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    let answer = reply(&request, before);
    // The client may go away at any point: that is what it is tested for.
    let _ = send(&mut stream, answer).await;
}

async fn send(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    stream.write_all(format!("{}\r\n", answer.head).as_bytes()).await?;
    match answer.trickle {
        None => stream.write_all(&answer.body).await?,
        Some(pause) => {
            for byte in &answer.body {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(pause).await;
            }
        }
    }
    if answer.endless {
        loop {
            stream.write_all(&[b' '; 65536]).await?;
        }
    }
    stream.shutdown().await
}

/// These bytes as a manifest names them.
pub(crate) fn layer(content: &[u8]) -> Descriptor {
    Descriptor::new(String::new(), Digest::of(content), content.len() as u64)
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}

/// A hasty client of these servers, which it knows as plain ones.
pub(crate) fn client(servers: &[&Server], logins: &str) -> Registry {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        idle: Duration::from_millis(400),
        answer: Duration::from_millis(900),
        speed_up: 100,
    };
    Registry::new(settings(servers, logins, timeouts), until()).unwrap()
}

/// A client of this server that asks the mirror before it.
pub(crate) fn mirrored(server: &Server, mirror: &str) -> Registry {
    let long = Duration::from_secs(15);
    let timeouts = Timeouts { connect: long, idle: long, answer: long, speed_up: 1000 };
    let mut settings = settings(&[server], "{}", timeouts);
    settings.mirrors = [(server.host(), vec![mirror.to_owned()])].into();
    Registry::new(settings, until()).unwrap()
}

/// One for tests that count requests: on a busy machine a hasty client asks more often.
pub(crate) fn patient(servers: &[&Server]) -> Registry {
    let long = Duration::from_secs(15);
    let timeouts = Timeouts { connect: long, idle: long, answer: long, speed_up: 100 };
    Registry::new(settings(servers, "{}", timeouts), until()).unwrap()
}

/// One for which an answer may take so long, and which is patient in all else.
pub(crate) fn brief(server: &Server, answer: Duration, speed_up: u32) -> Registry {
    let long = Duration::from_secs(15);
    let timeouts = Timeouts { connect: long, idle: long, answer, speed_up };
    Registry::new(settings(&[server], "{}", timeouts), until()).unwrap()
}

fn until() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn settings(servers: &[&Server], logins: &str, timeouts: Timeouts) -> Settings {
    Settings {
        insecure: servers.iter().map(|server| server.host()).collect(),
        logins: Logins::parse(logins).unwrap(),
        timeouts,
        ..Settings::default()
    }
}
