//! `mvmhost status --watch`: the host on a terminal, for as long as somebody looks.
//!
//! One thread asks for everything, another only for the pool; this one draws and takes keys. Nothing
//! here changes the host.

mod draw;
mod look;
mod model;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use self::model::{Model, Move, News};

/// Between two looks at the whole host, which asks containerd, flintlockd and systemd.
const WHOLE: Duration = Duration::from_secs(10);
/// Between two looks at the pool, which asks the kernel alone.
const POOL: Duration = Duration::from_secs(2);
/// A key or a signal is noticed within this time.
const KEY: Duration = Duration::from_millis(200);

/// Shows the host until a key or a signal ends it; exit 2 where there is no terminal.
pub fn run(context: &Context) -> Exit {
    if context.json || !io::stdout().is_terminal() {
        output::complain(
            "mvmhost: status --watch needs a terminal; programs read mvmhost status --json\n",
        );
        return Exit::Usage;
    }
    match on_terminal(context) {
        Ok(()) => Exit::Done,
        Err(error) => {
            output::complain(&format!("mvmhost: the terminal does not answer: {error}\n"));
            Exit::Unavailable
        }
    }
}

fn on_terminal(context: &Context) -> io::Result<()> {
    let signalled = Arc::new(AtomicBool::new(false));
    // Without these the terminal would stay as it is for this screen: no echo, no cursor.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&signalled))?;
    }
    let (news, whole) = start(context);
    let mut terminal = ratatui::try_init()?;
    let result = watch(&mut terminal, &news, &whole, &signalled);
    ratatui::restore();
    result
}

/// The threads that look: what they see, and what has them look at once.
fn start(context: &Context) -> (Receiver<News>, Sender<()>) {
    let (sender, news) = mpsc::channel();
    let (whole, requests) = mpsc::channel();
    let (first, fill) = (sender.clone(), context.clone());
    let all = context.clone();
    // Both end with the process, or when nobody listens any more.
    thread::spawn(move || {
        while first.send(look::whole(&all)).is_ok() {
            let _ = requests.recv_timeout(WHOLE);
        }
    });
    thread::spawn(move || {
        while sender.send(look::pool(&fill)).is_ok() {
            thread::sleep(POOL);
        }
    });
    (news, whole)
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    news: &Receiver<News>,
    whole: &Sender<()>,
    signalled: &AtomicBool,
) -> io::Result<()> {
    let started = Instant::now();
    let mut model = Model::default();
    while !signalled.load(Ordering::Relaxed) {
        model.now = started.elapsed().as_secs_f64();
        news.try_iter().for_each(|news| model.take(news));
        terminal.draw(|frame| draw::screen(frame, &model))?;
        if !event::poll(KEY)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        match action(key) {
            Some(Key::Quit) if !model.close() => return Ok(()),
            Some(Key::Stop) => return Ok(()),
            Some(Key::Look) => {
                let _ = whole.send(());
            }
            Some(Key::Move(towards)) => model.choose(towards),
            Some(Key::Explain) => model.explain(),
            Some(Key::Quit) | None => {}
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Close what is open, else end.
    Quit,
    /// End, whatever is open.
    Stop,
    Look,
    Move(Move),
    Explain,
}

fn action(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return matches!(key.code, KeyCode::Char('c' | 'd')).then_some(Key::Stop);
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        KeyCode::Char('r') => Some(Key::Look),
        KeyCode::Up | KeyCode::Char('k') => Some(Key::Move(Move::Up)),
        KeyCode::Down | KeyCode::Char('j') => Some(Key::Move(Move::Down)),
        KeyCode::Enter | KeyCode::Char('e') => Some(Key::Explain),
        _ => None,
    }
}
