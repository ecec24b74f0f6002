//! The live screen, drawn from the model.

use mvm_core::{Severity, terminal};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, Cell, Clear, Gauge, Paragraph, Row, Table, Wrap};

use super::model::{Fill, Model, Shown, full_in};
use crate::status::Mood;

/// Percent of a pool from which it is yellow, and red; as mvm-guard warns and brakes by default.
const WARN: f64 = 80.0;
const BRAKE: f64 = 95.0;

pub(super) fn screen(frame: &mut Frame<'_>, model: &Model) {
    let vms = model.whole.as_ref().and_then(|whole| whole.vms.as_ref().ok()).map_or(0, Vec::len);
    let vms = u16::try_from(vms.clamp(1, 8)).unwrap_or(8) + 3;
    let findings = u16::try_from(model.findings.len().clamp(1, 8)).unwrap_or(8) + 2;
    let [head, pool, middle, microvms, below, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(4),
        Constraint::Min(5),
        Constraint::Max(vms),
        Constraint::Max(findings),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    header(frame, head, model);
    fills(frame, pool, model);
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(middle);
    services(frame, left, model);
    leases(frame, right, model);
    table(frame, microvms, model);
    list(frame, below, model);
    let keys = " q quit   up/down choose a finding   Enter explain it   r update now";
    frame.render_widget(Paragraph::new(keys).style(dim()), foot);
    if let Some(shown) = model.chosen().filter(|_| model.explained) {
        explanation(frame, shown);
    }
}

const fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn style(mood: Mood) -> Style {
    match mood {
        Mood::Good => Style::new().fg(Color::Green),
        Mood::Warn => Style::new().fg(Color::Yellow),
        Mood::Bad => Style::new().fg(Color::Red),
        Mood::Plain => Style::new(),
    }
}

fn block(title: impl Into<String>) -> Block<'static> {
    Block::bordered().title(format!(" {} ", title.into())).border_style(dim())
}

fn header(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let (text, mood) = match (&model.failed, &model.whole) {
        (Some(why), _) => (format!("the host cannot be asked: {why}"), Mood::Bad),
        (None, Some(whole)) => (whole.verdict.text.clone(), whole.verdict.mood),
        (None, None) => ("looking at this host ...".to_owned(), Mood::Plain),
    };
    let shown = Span::styled(text, style(mood).add_modifier(Modifier::BOLD));
    frame.render_widget(Text::from(vec![Span::raw(" host  "), shown]), area);
}

fn fills(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let block = block(format!("thin pool {}", model.pool));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(fill) = model.fill() else {
        frame.render_widget(Paragraph::new("not live").style(style(Mood::Bad)), inner);
        return;
    };
    let rates = model.rates();
    let [data, metadata] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(inner);
    gauge(frame, data, "data", (fill.data, fill.data_size), rates.map(|rates| rates.0));
    let of_metadata = |fill: &Fill| (fill.metadata, fill.metadata_size);
    gauge(frame, metadata, "metadata", of_metadata(fill), rates.map(|rates| rates.1));
}

fn gauge(
    frame: &mut Frame<'_>,
    area: Rect,
    name: &str,
    (used, size): (u64, u64),
    rate: Option<f64>,
) {
    let part = if size == 0 { 0.0 } else { (used as f64 / size as f64).clamp(0.0, 1.0) };
    let percent = part * 100.0;
    let mood = match percent {
        full if full >= BRAKE => Mood::Bad,
        full if full >= WARN => Mood::Warn,
        _ => Mood::Good,
    };
    let [label, bar, text] =
        Layout::horizontal([Constraint::Length(10), Constraint::Min(10), Constraint::Length(50)])
            .areas(area);
    frame.render_widget(Paragraph::new(name), label);
    frame.render_widget(Gauge::default().ratio(part).gauge_style(style(mood)).label(""), bar);
    let rate = match rate {
        None => "rate not known yet".to_owned(),
        Some(rate) => match full_in(used, size, rate) {
            Some(seconds) => format!("{}/s, full in {}", bytes(rate), time(seconds)),
            None => "does not fill".to_owned(),
        },
    };
    let text_of = format!(" {percent:5.1} % of {}, {rate}", bytes(size as f64));
    frame.render_widget(Paragraph::new(text_of), text);
}

/// What is down comes first: there may be no room for all.
fn services(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let mut lines = model.whole.iter().flat_map(|whole| &whole.lines).collect::<Vec<_>>();
    lines.sort_by_key(|line| match line.mood {
        Mood::Bad => 0,
        Mood::Warn => 1,
        Mood::Plain | Mood::Good => 2,
    });
    let width = lines.iter().map(|line| line.label.chars().count()).max().unwrap_or(0);
    let row = |line: &&crate::status::Line| {
        Text::from(vec![
            Span::raw(format!("{:width$}  ", line.label)),
            Span::styled(line.value.clone(), style(line.mood)),
        ])
    };
    let rows: Vec<Text<'_>> = lines.iter().map(row).collect();
    frame.render_widget(Paragraph::new(rows).block(block("services")), area);
}

fn leases(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let lines = model.whole.as_ref().map_or(&[][..], |whole| &whole.leases);
    let rows: Vec<Text<'_>> = lines.iter().map(|line| Text::raw(line.as_str())).collect();
    let title = format!("leases ({})", lines.len());
    frame.render_widget(Paragraph::new(rows).block(block(title)), area);
}

fn table(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let vms = model.whole.as_ref().map(|whole| whole.vms.as_ref());
    let rows = match vms {
        Some(Ok(vms)) => vms.as_slice(),
        Some(Err(why)) => {
            let silent = Paragraph::new(format!("flintlockd does not answer: {why}"));
            let silent = silent.style(style(Mood::Bad)).wrap(Wrap { trim: true });
            frame.render_widget(silent.block(block("microVMs")), area);
            return;
        }
        None => &[],
    };
    let head = ["MICROVM", "STATE", "VMM", "RETRIES", "PROBLEM", "LAST LINE OF ITS CONSOLE"];
    let cells = rows.iter().map(|vm| {
        Row::new([
            Cell::from(vm.id.as_str()),
            Cell::from(vm.state.as_str()).style(style(vm.mood)),
            Cell::from(vm.pid.map_or("none".to_owned(), |pid| pid.to_string())),
            Cell::from(vm.retries.to_string()),
            Cell::from(vm.wrong.unwrap_or("-")),
            Cell::from(vm.console.as_str()),
        ])
    });
    let widths = [
        Constraint::Percentage(28),
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(11),
        Constraint::Min(20),
    ];
    let title = format!("microVMs ({})", rows.len());
    let table = Table::new(cells, widths).header(Row::new(head).style(dim()));
    frame.render_widget(table.block(block(title)), area);
}

fn list(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let count = model.findings.iter().filter(|shown| shown.cleared_at.is_none()).count();
    let block = block(format!("findings ({count})"));
    let room = usize::from(block.inner(area).height);
    // The chosen one stays in sight.
    let first = (model.chosen + 1).saturating_sub(room);
    let shown = model.findings.iter().enumerate().skip(first).take(room);
    let rows: Vec<Text<'_>> =
        shown.map(|(at, shown)| row(shown, model.now, at == model.chosen)).collect();
    let rows = if rows.is_empty() && model.whole.is_some() {
        vec![Text::styled("nothing is wrong", style(Mood::Good))]
    } else {
        rows
    };
    frame.render_widget(Paragraph::new(rows).block(block), area);
}

fn row(shown: &Shown, now: f64, chosen: bool) -> Text<'static> {
    let finding = &shown.finding;
    let (word, mood) = match (shown.cleared_at, finding.severity()) {
        (Some(_), _) => ("cleared", Mood::Good),
        (None, Severity::Error) => ("error", Mood::Bad),
        (None, Severity::Warning | Severity::Info) => ("warning", Mood::Warn),
    };
    let ago = now - shown.cleared_at.unwrap_or(shown.since);
    let mut line = Text::from(vec![
        Span::raw(if chosen { "> " } else { "  " }),
        Span::styled(format!("{word:8}"), style(mood)),
        Span::raw(format!("{} {} ", finding.code(), super::look::plain(&finding.message()))),
        Span::styled(format!("({} ago)", time(ago)), dim()),
    ]);
    if shown.cleared_at.is_some() {
        line = line.style(dim());
    }
    if chosen {
        line = line.style(Style::new().add_modifier(Modifier::REVERSED));
    }
    line
}

/// Over everything else, as large as fits.
fn explanation(frame: &mut Frame<'_>, shown: &Shown) {
    let [_, area, _] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(8), Constraint::Length(2)])
            .areas(frame.area());
    let [_, area, _] =
        Layout::horizontal([Constraint::Length(3), Constraint::Min(20), Constraint::Length(3)])
            .areas(area);
    let finding = &shown.finding;
    let text = terminal::render(finding, terminal::Color::Never);
    let mut lines: Vec<Text<'_>> = text.lines().map(|line| Text::raw(line.to_owned())).collect();
    lines.insert(1, Text::raw(""));
    lines.insert(2, Text::raw(finding.cause()));
    lines.insert(3, Text::raw(""));
    frame.render_widget(Clear, area);
    let title = format!("{} (q closes it)", finding.code());
    let shown = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(shown.block(block(title).border_style(Style::new())), area);
}

fn bytes(count: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit_name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{value:.0} {unit_name}") } else { format!("{value:.1} {unit_name}") }
}

fn time(seconds: f64) -> String {
    match seconds {
        short if short < 120.0 => format!("{short:.0} s"),
        some if some < 7200.0 => format!("{:.0} min", some / 60.0),
        long if long < 172_800.0 => format!("{:.0} h", long / 3600.0),
        days => format!("{:.0} days", days / 86400.0),
    }
}
