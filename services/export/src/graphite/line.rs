//! Carbon's plaintext protocol: `path value seconds`, a line each.

/// What one batch holds at most, bytes.
const LONGEST: usize = 128 << 10;

/// Lines, in batches.
#[derive(Default)]
pub struct Lines {
    batches: Vec<String>,
}

impl Lines {
    /// Adds a point; nothing where the value is no number.
    pub fn add(&mut self, path: &str, tags: &str, value: f64, at_ms: i64) {
        use std::fmt::Write as _;
        if !value.is_finite() {
            return;
        }
        if self.batches.last().is_none_or(|batch| batch.len() > LONGEST) {
            self.batches.push(String::new());
        }
        if let Some(batch) = self.batches.last_mut() {
            // A text always takes what is written to it. Rust writes numbers in full, without exponents.
            let _ = writeln!(batch, "{path}{tags} {} {}", value + 0.0, at_ms.div_euclid(1000));
        }
    }

    /// The batches, none of them empty.
    pub fn batches(self) -> Vec<String> {
        self.batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_path_value_and_seconds() {
        let mut lines = Lines::default();
        lines.add("home.a", "", 1e-7, 1_700_000_010_000);
        lines.add("home.a", ";house=cabin", -0.0, 1_700_000_010_999);
        lines.add("home.a", "", 1e21, 0);
        lines.add("home.a", "", f64::NAN, 0);
        let text = lines.batches().concat();
        assert_eq!(text, "home.a 0.0000001 1700000010\nhome.a;house=cabin 0 1700000010\nhome.a 1000000000000000000000 0\n");
    }

    #[test]
    fn batches_are_bounded() {
        let mut lines = Lines::default();
        for at in 0..20_000 {
            lines.add("home.electricity.kasa.lamp.power_watts", "", 1.5, at * 1000);
        }
        let batches = lines.batches();
        assert!(batches.len() > 5 && batches.iter().all(|b| b.len() < LONGEST + 100 && b.ends_with('\n')));
        assert_eq!(batches.concat().lines().count(), 20_000);
    }
}
