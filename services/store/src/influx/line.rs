//! Line protocol: what is written to InfluxDB, a line each. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What a field says.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A number; one that is not finite is left out.
    Number(f64),
    /// A whole number.
    Whole(i64),
    /// Yes or no.
    Flag(bool),
    /// Text.
    Text(String),
}

impl From<f64> for Field {
    fn from(number: f64) -> Self {
        Field::Number(number)
    }
}

impl From<i64> for Field {
    fn from(number: i64) -> Self {
        Field::Whole(number)
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Field::Flag(flag)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Field::Text(text.to_owned())
    }
}

/// Why a point cannot be a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A name that InfluxDB takes for something else.
    #[error("`{0}` cannot be the name of a {1} in InfluxDB")]
    Name(String, &'static str),
    /// There is nothing to write.
    #[error("a point of `{0}` has no field with a value")]
    Empty(String),
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, Field)>,
    at_ms: Option<i64>,
}

impl Point {
    /// A point without tags and fields; without an instant, it is of when the server hears it.
    pub fn of(measurement: &str) -> Self {
        Point { measurement: measurement.to_owned(), tags: Vec::new(), fields: Vec::new(), at_ms: None }
    }

    /// With a tag; an empty one is left out.
    #[must_use]
    pub fn tag(mut self, key: &str, value: impl ToString) -> Self {
        self.tags.push((key.to_owned(), value.to_string()));
        self
    }

    /// With tags.
    #[must_use]
    pub fn tags(mut self, tags: &[(String, String)]) -> Self {
        self.tags.extend_from_slice(tags);
        self
    }

    /// With a field.
    #[must_use]
    pub fn field(mut self, key: &str, value: impl Into<Field>) -> Self {
        self.fields.push((key.to_owned(), value.into()));
        self
    }

    /// With a field where there is a value.
    #[must_use]
    pub fn field_if(self, key: &str, value: Option<impl Into<Field>>) -> Self {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// At an instant, ms since the epoch.
    #[must_use]
    pub fn at(mut self, at_ms: i64) -> Self {
        self.at_ms = Some(at_ms);
        self
    }

    /// Its line, without the line's end.
    pub fn line(&self) -> Result<String, LineError> {
        let mut line = String::with_capacity(96);
        if self.measurement.is_empty() || self.measurement.starts_with('#') || tag_value(&self.measurement) != self.measurement {
            return Err(LineError::Name(self.measurement.clone(), "measurement"));
        }
        escape(&mut line, &self.measurement, &[',', ' ']);
        // In order of their keys, which is quicker for the server; of two with one key the first counts, two would be refused.
        let mut tags: Vec<&(String, String)> = self.tags.iter().collect();
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        tags.dedup_by(|later, earlier| later.0 == earlier.0);
        for (key, value) in tags {
            let (key, value) = (key_of(key, "tag")?, tag_value(value));
            if !value.is_empty() {
                line.push(',');
                escape(&mut line, &key, &[',', '=', ' ']);
                line.push('=');
                escape(&mut line, &value, &[',', '=', ' ']);
            }
        }
        let mut separator = ' ';
        for (key, value) in &self.fields {
            let key = key_of(key, "field")?;
            if matches!(value, Field::Number(number) if !number.is_finite()) {
                continue;
            }
            line.push(separator);
            separator = ',';
            escape(&mut line, &key, &[',', '=', ' ']);
            line.push('=');
            match value {
                Field::Number(number) => push_number(&mut line, *number),
                Field::Whole(number) => drop(write!(line, "{number}i").ok()),
                Field::Flag(flag) => line.push_str(if *flag { "true" } else { "false" }),
                Field::Text(text) => push_text(&mut line, text),
            }
        }
        if separator == ' ' {
            return Err(LineError::Empty(self.measurement.clone()));
        }
        if let Some(at_ms) = self.at_ms {
            write!(line, " {at_ms}").ok();
        }
        Ok(line)
    }
}

/// The name of a tag or a field; one that InfluxDB keeps for itself is refused.
fn key_of<'a>(key: &'a str, what: &'static str) -> Result<Cow<'a, str>, LineError> {
    let clean = tag_value(key);
    let is_taken = clean.is_empty() || clean == "time" || (what == "tag" && matches!(&*clean, "_field" | "_measurement"));
    if is_taken { Err(LineError::Name(key.to_owned(), what)) } else { Ok(clean) }
}

/// What a tag can say: on one line, and with a slash for each backslash at its end or before what is escaped, or doubled: servers differ in what they
/// take that for.
pub fn tag_value(text: &str) -> Cow<'_, str> {
    let line = one_line(text);
    if !line.contains('\\') {
        return line;
    }
    let next = line.chars().skip(1).map(Some).chain([None]);
    let plain = |(c, next): (char, Option<char>)| if c == '\\' && next.is_none_or(|n| ",= \\".contains(n)) { '/' } else { c };
    Cow::Owned(line.chars().zip(next).map(plain).collect())
}

/// Without the ends of lines and other characters that no line can hold; a space stands for each.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn escape(line: &mut String, text: &str, escaped: &[char]) {
    for c in text.chars() {
        if escaped.contains(&c) {
            line.push('\\');
        }
        line.push(c);
    }
}

/// The shortest text that reads back as this number; very large and small ones with an exponent.
fn push_number(line: &mut String, number: f64) {
    if number != 0.0 && !(1e-5..1e17).contains(&number.abs()) {
        write!(line, "{number:e}").ok();
    } else {
        write!(line, "{number}").ok();
    }
}

/// Text in quotes. The end of a line may stand in it, a NUL and a carriage return better not.
fn push_text(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            '\0' => {}
            _ => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    fn line(tag: &str, field: Field) -> String {
        Point::of("m").tag("t", tag).field("f", field).at(5).line().unwrap()
    }

    #[test]
    fn what_would_end_a_name_is_escaped() {
        assert_eq!(line("a b,c=d", 1.5.into()), "m,t=a\\ b\\,c\\=d f=1.5 5");
        assert_eq!(Point::of("a b,c").tag("k =", "v").field("x,y", 1.0).line().unwrap(), "a\\ b\\,c,k\\ \\==v x\\,y=1");
        assert_eq!(line("Küche ☕", "say \"hi\" \\ there".into()), "m,t=Küche\\ ☕ f=\"say \\\"hi\\\" \\\\ there\" 5");
    }

    #[test]
    fn what_no_line_can_hold_is_replaced_or_left_out() {
        assert_eq!(line("two\nlines\r\\\\", 1.0.into()), "m,t=two\\ lines\\ // f=1 5");
        assert_eq!(line("a\\ b\\\\c\\d", 1.0.into()), "m,t=a/\\ b/\\c\\d f=1 5");
        assert_eq!(line("", true.into()), "m f=true 5");
        assert_eq!(line("\n", 7_i64.into()), "m,t=\\  f=7i 5");
        let gaps = Point::of("m").field("a", f64::NAN).field("b", f64::INFINITY).field("c", 1.0).line();
        assert_eq!(gaps.unwrap(), "m c=1");
    }

    #[test]
    fn numbers_read_back_as_they_were() {
        for number in [0.0, -0.0, 0.1 + 0.2, 1e300, -5e-324, 123_456_789.012_345_68, 4.35, 1e17, 1e16] {
            let text = line("", number.into());
            let written = text.strip_prefix("m f=").unwrap().strip_suffix(" 5").unwrap();
            assert_eq!(written.parse::<f64>().unwrap().to_bits(), number.to_bits(), "{written}");
        }
    }

    #[test]
    fn names_that_influxdb_keeps_for_itself_are_refused() {
        let name = |point: Point| matches!(point.line(), Err(LineError::Name(..)));
        assert!(name(Point::of("#m").field("f", 1.0)));
        assert!(name(Point::of("").field("f", 1.0)));
        assert!(name(Point::of("a\nb").field("f", 1.0)));
        assert!(name(Point::of("m").field("time", 1.0)));
        assert!(name(Point::of("m").tag("time", "x").field("f", 1.0)));
        assert!(name(Point::of("m").field("", 1.0)));
        assert_eq!(Point::of("m").field("f", f64::NAN).line(), Err(LineError::Empty("m".to_owned())));
    }

    #[test]
    fn tags_stand_in_order_and_once() {
        let point = Point::of("m").tag("b", "2").tag("a", "1").tag("b", "3").field("f", 1.0);
        assert_eq!(point.line().unwrap(), "m,a=1,b=2 f=1");
    }
}
