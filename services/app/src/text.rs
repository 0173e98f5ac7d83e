//! Text in a terminal: how wide it is, how it is cut and wrapped, and how it is dimmed.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` without anything that moves the cursor or turns the direction of writing: names come from outside.
pub fn clean(text: &str) -> String {
    let steers =
        |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let plain: String = text.chars().map(|c| if c.is_whitespace() && c != '\u{202f}' { ' ' } else { c }).filter(|&c| !steers(c)).collect();
    plain.trim().to_owned()
}

/// `text` on a single line, whatever was in it.
pub fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text`, cut to `cells` with `…` where it is wider.
pub fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) + 1 > cells {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// `text` cut or filled with spaces on the right to exactly `cells`.
pub fn left(text: &str, cells: usize) -> String {
    let text = cut(text, cells);
    let rest = cells.saturating_sub(width(&text));
    text + &" ".repeat(rest)
}

/// `text` with spaces before it, to at least `cells`.
pub fn right(text: &str, cells: usize) -> String {
    " ".repeat(cells.saturating_sub(width(text))) + text
}

/// `text` in lines of at most `cells`, broken at spaces (not at thin ones), or anywhere in a word that is too long.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let last = lines.last().map_or(0, |l| width(l));
        if last > 0 && last + 1 + width(word) > cells {
            lines.push(String::new());
        } else if last > 0 {
            push(&mut lines, ' ');
        }
        for c in word.chars() {
            let taken = lines.last().map_or(0, |l| width(l));
            if taken > 0 && taken + c.width().unwrap_or(0) > cells {
                lines.push(String::new());
            }
            push(&mut lines, c);
        }
    }
    lines
}

fn push(lines: &mut [String], c: char) {
    if let Some(line) = lines.last_mut() {
        line.push(c);
    }
}

/// Whether and how text is set apart.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Whether the reader sees colours.
    pub on: bool,
}

impl Paint {
    /// Less important.
    pub fn dim(self, text: &str) -> String {
        self.wrapped("2", text)
    }

    /// More important.
    pub fn bold(self, text: &str) -> String {
        self.wrapped("1", text)
    }

    fn wrapped(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_and_filling_keep_the_cells() {
        for text in ["", "Kettle", "廊下の照明スイッチ", "👩‍🚒 lamp in the hall", "a\u{301}bc"] {
            for cells in 2..12 {
                assert_eq!(width(&left(text, cells)), cells, "{text:?} in {cells}");
            }
        }
        assert_eq!(cut("Hall ceiling lamp", 8), "Hall ce…");
        assert_eq!(right("12", 4), "  12");
    }

    #[test]
    fn lines_never_get_too_wide() {
        let lines = wrap("a quick brown fox, 廊下の照明スイッチ廊下の照明スイッチ and on", 12);
        assert!(lines.iter().all(|l| width(l) <= 12), "{lines:?}");
        assert_eq!(wrap("one two", 80), ["one two"]);
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(clean(" \u{1b}[31mred\n\u{202e}lamp "), "[31mred lamp");
        assert_eq!(one_line("a\nb\t c"), "a b c");
    }
}
