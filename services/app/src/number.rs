//! Numbers as people read them: grouped by thin spaces, and no more digits than mean something.

/// Groups the digits of thousands.
const THIN: char = '\u{202f}';

/// With this many decimals: `1 985`, `−3.20`; a dash for what is not a number.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, rest) = digits.split_once('.').map_or((digits.as_str(), String::new()), |(whole, part)| (whole, format!(".{part}")));
    let mut grouped = String::new();
    for (k, digit) in whole.chars().enumerate() {
        if k > 0 && (whole.len() - k).is_multiple_of(3) {
            grouped.push(THIN);
        }
        grouped.push(digit);
    }
    let negative = value < 0.0 && digits.bytes().any(|b| (b'1'..=b'9').contains(&b));
    format!("{}{grouped}{rest}", if negative { "−" } else { "" })
}

/// Three digits, at most two decimals; what is not nothing never reads as nothing: `1 985`, `12.3`, `0.41`, `<0.01`.
pub fn three_digits(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size == 0.0 => "0".to_owned(),
        _ if size < 0.01 => "<0.01".to_owned(),
        _ if size < 9.995 => fixed(value, 2),
        _ if size < 99.95 => fixed(value, 1),
        _ => fixed(value, 0),
    }
}

/// An amount of money, to the hundredth while it is small.
pub fn money(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.01 => "<0.01".to_owned(),
        size if size < 9.995 => fixed(value, 2),
        _ => fixed(value, 0),
    }
}

/// Hours, to the tenth while they are few.
pub fn hours(value: f64) -> String {
    match value {
        _ if value == 0.0 => "0".to_owned(),
        _ if value < 0.1 => "<0.1".to_owned(),
        _ if value < 9.95 => fixed(value, 1),
        _ => fixed(value, 0),
    }
}

/// A power without more digits than its uncertainty allows: `1 985 W`, `6.1 W`.
pub fn watts(power_w: f64, half_width_w: Option<f64>) -> String {
    format!("{} W", fixed(power_w, decimals(power_w, half_width_w)))
}

/// A power with its uncertainty: `1 985 W ± 4`.
pub fn watts_within(power_w: f64, half_width_w: f64) -> String {
    let decimals = decimals(power_w, Some(half_width_w));
    let least = 10f64.powi(-(decimals as i32));
    format!("{} W ± {}", fixed(power_w, decimals), fixed(half_width_w.max(least), decimals))
}

fn decimals(power_w: f64, half_width_w: Option<f64>) -> usize {
    let by_size = match power_w.abs() {
        size if size < 1.0 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    let by_width = match half_width_w {
        Some(half) if half >= 2.95 => 0,
        Some(half) if half >= 0.095 => 1,
        Some(_) => 2,
        None if power_w.abs() >= 9.95 => 0,
        None => 1,
    };
    by_size.min(by_width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1234567.0, "1\u{202f}234\u{202f}567")]
    #[case(1985.2, "1\u{202f}985")]
    #[case(123.4, "123")]
    #[case(99.96, "100")]
    #[case(12.34, "12.3")]
    #[case(0.414, "0.41")]
    #[case(0.004, "<0.01")]
    #[case(0.0, "0")]
    #[case(-212.3, "−212")]
    #[case(-0.5, "−0.50")]
    #[case(f64::NAN, "–")]
    fn three_digits_are_shown(#[case] value: f64, #[case] expected: &str) {
        assert_eq!(three_digits(value), expected);
    }

    #[rstest]
    #[case(1985.3, 4.2, "1\u{202f}985 W ± 4")]
    #[case(1985.3, 0.2, "1\u{202f}985 W ± 1")]
    #[case(6.12, 0.41, "6.1 W ± 0.4")]
    #[case(41.0, 1.4, "41.0 W ± 1.4")]
    #[case(41.0, 12.0, "41 W ± 12")]
    #[case(0.41, 0.05, "0.41 W ± 0.05")]
    fn a_power_has_the_digits_it_deserves(#[case] power_w: f64, #[case] half_w: f64, #[case] expected: &str) {
        assert_eq!(watts_within(power_w, half_w), expected);
    }

    #[test]
    fn money_and_hours_are_short() {
        assert_eq!([money(0.4), money(93.4), money(1203.7)], ["0.40", "93", "1\u{202f}204"]);
        assert_eq!([hours(0.05), hours(3.24), hours(123.4)], ["<0.1", "3.2", "123"]);
        assert_eq!(fixed(-0.001, 2), "0.00");
    }
}
