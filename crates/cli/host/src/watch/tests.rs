//! The live screen as an operator sees it, on a terminal that only remembers.

use mvm_core::{Finding, catalogue};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::look::plain;
use super::model::{Fill, Model, Move, Vm, Whole, full_in};
use super::*;
use crate::status::{Line, Mood, Verdict};

const GIB: u64 = 1 << 30;

fn fill(at: f64, data: u64) -> Fill {
    Fill { at, data, data_size: 10 * GIB, metadata: 1 << 20, metadata_size: 64 << 20 }
}

fn error() -> Finding {
    catalogue::guard::braked("p", "its data is 96 % full")
}

fn warning() -> Finding {
    catalogue::guard::metadata_filling("p", 81)
}

fn whole(findings: Vec<Finding>) -> News {
    let line = |label: &str, value: &str, mood| Line {
        label: label.to_owned(),
        value: value.to_owned(),
        more: String::new(),
        mood,
    };
    let vm = Vm {
        id: "ns/web-0/01HX".to_owned(),
        state: "created".to_owned(),
        mood: Mood::Good,
        pid: Some(1234),
        retries: 0,
        wrong: None,
        console: "web-0 login:".to_owned(),
    };
    News::Whole(Box::new(Whole {
        verdict: Verdict::new(&findings, false),
        lines: vec![
            line("mvm-net.service", "active (exited)", Mood::Good),
            line("flintlockd.service", "failed (failed)", Mood::Bad),
        ],
        leases: vec!["10.42.0.10      aa:fc:00:00:00:01 web-0".to_owned()],
        vms: Ok(vec![vm]),
        findings,
    }))
}

fn shown(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::screen(frame, model)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn everything_is_on_one_screen() {
    let mut model = Model::default();
    for second in 0..10_u32 {
        model.now = f64::from(second);
        let used = 5 * GIB + u64::from(second) * (10 << 20);
        model.take(News::Pool("p".to_owned(), Some(fill(0.0, used))));
    }
    model.take(whole(vec![warning(), error()]));
    for (width, height) in [(100, 30), (80, 24)] {
        let text = shown(&model, width, height);
        for part in [
            "not ready for microVMs: 1 error",
            "thin pool p",
            "10.0 MiB/s, full in 8 min",
            "does not fill",
            "flintlockd.service  failed",
            "10.42.0.10",
            "ns/web-0/01HX",
            "web-0 login:",
            "> error   MVM-POOL-105",
            "warning MVM-POOL-101",
            "q quit",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let down = text.find("flintlockd.service").unwrap();
        assert!(down < text.find("mvm-net.service").unwrap(), "what is down comes first");
    }
    // Smaller than anything fits: no panic.
    for (width, height) in [(1, 1), (20, 5), (200, 3)] {
        shown(&model, width, height);
    }
}

#[test]
fn a_host_that_was_not_asked_yet_and_one_that_does_not_answer_say_so() {
    let mut model = Model::default();
    assert!(shown(&model, 100, 30).contains("looking at this host"));
    model.take(News::Failed("no systemd".to_owned()));
    let text = shown(&model, 100, 30);
    assert!(text.contains("the host cannot be asked: no systemd") && text.contains("not live"));
    model.take(whole(Vec::new()));
    let text = shown(&model, 100, 30);
    assert!(text.contains("ready for microVMs") && text.contains("nothing is wrong"), "{text}");
}

#[test]
fn findings_come_stay_and_go_and_the_choice_stays_with_one() {
    let mut model = Model::default();
    model.take(whole(vec![warning()]));
    model.now = 10.0;
    // The error comes before the warning that is chosen.
    model.take(whole(vec![warning(), error()]));
    assert_eq!(model.chosen, 1);
    assert_eq!(model.chosen().unwrap().finding.code(), "MVM-POOL-101");
    model.choose(Move::Down);
    assert_eq!(model.chosen, 1, "there is none below");
    model.choose(Move::Up);
    model.explain();
    let text = shown(&model, 100, 30);
    assert!(text.contains("mvmhost pool brake off --for 30m"), "{text}");
    assert!(text.contains("q closes it"), "{text}");
    assert!(model.close() && !model.close());
    model.now = 20.0;
    model.take(whole(vec![warning()]));
    let text = shown(&model, 100, 30);
    assert!(text.contains("cleared MVM-POOL-105"), "{text}");
    assert!(text.contains("findings (1)"), "{text}");
    model.now = 90.0;
    model.take(whole(Vec::new()));
    assert!(!shown(&model, 100, 30).contains("MVM-POOL-105"));
    // It comes again.
    model.take(whole(vec![warning()]));
    assert!(shown(&model, 100, 30).contains("(0 s ago)"));
}

#[test]
fn a_rate_takes_time_and_a_pool_that_empties_is_not_full_soon() {
    let mut model = Model::default();
    assert_eq!(model.rates(), None);
    model.take(News::Pool("p".to_owned(), Some(fill(0.0, GIB))));
    assert_eq!(model.rates(), None);
    model.now = 10.0;
    model.take(News::Pool("p".to_owned(), Some(fill(0.0, GIB - 1024))));
    let (data, _) = model.rates().unwrap();
    assert!((data + 102.4).abs() < 0.1, "{data}");
    assert_eq!(full_in(GIB, 10 * GIB, data), None);
    assert_eq!(full_in(10, 10, 5.0), None);
    assert_eq!(full_in(0, 10, 5.0), Some(2.0));
    model.take(News::Pool("p".to_owned(), None));
    assert_eq!(model.rates(), None);
}

#[test]
fn a_guest_does_not_reach_the_terminal() {
    assert_eq!(plain("\u{1b}[2J\u{1b}[0;31mred\u{7}\r\u{9b}x\ty"), "redx y");
    assert_eq!(plain("\u{1b}[").len(), 0);
    assert_eq!(plain(&"a".repeat(5000)).len(), 200);
}

#[test]
fn keys_do_what_the_last_line_says() {
    let key = |code| action(KeyEvent::new(code, KeyModifiers::NONE));
    assert_eq!(key(KeyCode::Char('q')), Some(Key::Quit));
    assert_eq!(key(KeyCode::Enter), Some(Key::Explain));
    assert_eq!(key(KeyCode::Down), Some(Key::Move(Move::Down)));
    assert_eq!(key(KeyCode::Char('x')), None);
    let stop = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(action(stop), Some(Key::Stop));
}
