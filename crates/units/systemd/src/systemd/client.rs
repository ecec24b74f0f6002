//! The real systemd.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt;
use zbus::connection::Builder;
use zbus::message::Type;
use zbus::{Connection, DynamicType, MatchRule, Message, MessageStream, OwnedObjectPath};

use super::state::Properties;
use super::{Job, JobResult, Mode, UnitState, Units};
use crate::Error;

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// zbus waits for ever unless told otherwise. systemd answers from its main loop, at once.
const ANSWER: Duration = Duration::from_secs(25);
/// A reload runs every generator of the machine and reads every unit.
const RELOAD: Duration = Duration::from_secs(180);
/// Signals that may wait while a reply is read: a whole target may start meanwhile.
const QUEUE: Option<NonZeroUsize> = NonZeroUsize::new(4096);

/// A client of the system's service manager. Every call blocks.
#[derive(Debug)]
pub struct Manager {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
    /// Has the longer timeout of [`Units::reload`]; made when it is needed.
    patient: Option<Connection>,
    /// Signals come only after Subscribe, and a second Subscribe is refused.
    subscribed: bool,
}

impl Manager {
    /// Connects to the system bus.
    ///
    /// # Errors
    /// When there is no bus or it does not answer.
    pub fn connect() -> Result<Self, Error> {
        Self::over(Builder::system)
    }

    pub(super) fn over(builder: impl FnOnce() -> Builder<'static>) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let connection = runtime.block_on(connect(builder(), ANSWER))?;
        Ok(Self { runtime, connection, patient: None, subscribed: false })
    }

    /// Uses `connection` for reloads as well.
    #[cfg(test)]
    pub(super) fn with_one_connection(mut self) -> Self {
        self.patient = Some(self.connection.clone());
        self
    }

    async fn job(
        &self,
        request: &str,
        call_for: (Job, &str, Mode),
        wait: Duration,
    ) -> Result<JobResult, Error> {
        let connection = &self.connection;
        // Before the job is queued: it may be over before its reply is read.
        let failed = |error| bus_error(request, error);
        let mut ends =
            MessageStream::for_match_rule(job_removed().map_err(failed)?, connection, QUEUE)
                .await
                .map_err(failed)?;
        let (job, unit, mode) = call_for;
        let reply =
            call(connection, request, (MANAGER, job.method()), &(unit, mode.word())).await?;
        let path: OwnedObjectPath = reply.body().deserialize().map_err(failed)?;
        let end = tokio::time::timeout(wait, end_of(&mut ends, &path)).await;
        match end {
            Ok(Some(word)) => Ok(JobResult::from_word(&word)),
            Ok(None) => Err(Error::BusLost { request: request.to_owned() }),
            Err(_) => Err(Error::JobUnfinished { request: request.to_owned(), after: wait }),
        }
    }

    async fn properties(
        &self,
        path: &str,
        interface: &str,
        request: &str,
    ) -> Result<Properties, Error> {
        let destination = destination(&self.connection);
        let reply = self
            .connection
            .call_method(destination, path, Some(PROPERTIES), "GetAll", &interface)
            .await
            .map_err(|error| bus_error(request, error))?;
        reply.body().deserialize().map_err(|error| bus_error(request, error))
    }
}

impl Units for Manager {
    fn reload(&mut self) -> Result<(), Error> {
        let request = "reload systemd's configuration";
        let connection = match &self.patient {
            Some(connection) => connection.clone(),
            None => self.runtime.block_on(connect(Builder::system(), RELOAD))?,
        };
        let reply = self.runtime.block_on(call(&connection, request, (MANAGER, "Reload"), &()));
        self.patient = Some(connection);
        reply.map(drop)
    }

    fn run(
        &mut self,
        job: Job,
        unit: &str,
        mode: Mode,
        wait: Duration,
    ) -> Result<JobResult, Error> {
        let request = format!("{job} {unit}");
        if !self.subscribed {
            let subscribe = call(&self.connection, &request, (MANAGER, "Subscribe"), &());
            self.runtime.block_on(subscribe)?;
            self.subscribed = true;
        }
        self.runtime.block_on(self.job(&request, (job, unit, mode), wait))
    }

    fn reset_failed(&mut self, unit: &str) -> Result<(), Error> {
        let request = format!("reset-failed {unit}");
        let method = (MANAGER, "ResetFailedUnit");
        match self.runtime.block_on(call(&self.connection, &request, method, &unit)) {
            Err(error) if error.is_no_such_unit() => Ok(()),
            reply => reply.map(drop),
        }
    }

    fn state(&mut self, unit: &str) -> Result<UnitState, Error> {
        let request = format!("read the state of {unit}");
        self.runtime.block_on(async {
            let reply = call(&self.connection, &request, (MANAGER, "LoadUnit"), &unit).await?;
            let path: OwnedObjectPath =
                reply.body().deserialize().map_err(|error| bus_error(&request, error))?;
            let general = self.properties(&path, UNIT, &request).await?;
            let service = match unit.ends_with(".service") {
                true => self.properties(&path, SERVICE, &request).await?,
                false => Properties::new(),
            };
            Ok(UnitState::new(&general, &service))
        })
    }
}

async fn connect(builder: Builder<'static>, timeout: Duration) -> Result<Connection, Error> {
    let build = builder.method_timeout(timeout).build();
    let refused = |error| Error::BusConnect(Box::new(error));
    match tokio::time::timeout(ANSWER, build).await {
        Ok(connected) => connected.map_err(refused),
        Err(_) => Err(refused(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
    }
}

/// Calls a method of the manager.
async fn call<B>(
    connection: &Connection,
    request: &str,
    (interface, method): (&str, &str),
    body: &B,
) -> Result<Message, Error>
where
    B: serde::Serialize + DynamicType,
{
    connection
        .call_method(destination(connection), PATH, Some(interface), method, body)
        .await
        .map_err(|error| bus_error(request, error))
}

/// Without a bus between, as in the tests, there is nobody to name.
fn destination(connection: &Connection) -> Option<&'static str> {
    connection.is_bus().then_some(NAME)
}

fn job_removed() -> zbus::Result<MatchRule<'static>> {
    MatchRule::builder().msg_type(Type::Signal).interface(MANAGER).member("JobRemoved").build()
}

/// The result of the job at `path`; `None` when the connection ends.
async fn end_of(ends: &mut MessageStream, path: &OwnedObjectPath) -> Option<String> {
    while let Some(message) = ends.next().await {
        let body = message.ok()?.body();
        let Ok((_, job, _, result)) = body.deserialize::<(u32, OwnedObjectPath, String, String)>()
        else {
            continue;
        };
        if job == *path {
            return Some(result);
        }
    }
    None
}

fn bus_error(request: &str, error: zbus::Error) -> Error {
    Error::Bus { request: request.to_owned(), source: Box::new(error) }
}
