//! What `/query` answers, read without rounding a number. Pure.
//!
//! `serde_json` reads a number to within its last digit unless told otherwise for the whole program; what was written is to come back bit by bit.

use std::borrow::Cow;

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A number, as it stands there.
    Number(&'a str),
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
    /// Named values.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(all) => all.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The entries of a list; none of what is no list.
    pub fn list(&self) -> &[Value<'a>] {
        if let Value::List(all) = self { all } else { &[] }
    }

    /// As a number.
    pub fn number(&self) -> Option<f64> {
        if let Value::Number(text) = self { text.parse().ok() } else { None }
    }

    /// As a whole number.
    pub fn whole(&self) -> Option<i64> {
        let Value::Number(text) = self else { return None };
        text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64))
    }

    /// As a text.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// Whether it says yes.
    pub fn is_true(&self) -> bool {
        *self == Value::Flag(true)
    }
}

/// Deeper than this nothing of InfluxDB's is.
const DEEPEST: usize = 32;

/// All values of a text of JSON, one after another; what is wrong with it.
pub fn read_all(text: &str) -> Result<Vec<Value<'_>>, String> {
    let mut reader = Reader { text, at: 0 };
    let mut found = Vec::new();
    loop {
        reader.skip_space();
        if reader.at == text.len() {
            return Ok(found);
        }
        found.push(reader.value(0)?);
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn wrong(&self) -> String {
        if self.at >= self.text.len() { "it ends early".to_owned() } else { format!("it is no JSON at byte {}", self.at) }
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        self.skip_space();
        if self.peek() != Some(byte) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(())
    }

    /// Whether `byte` comes next; then it is taken.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let comes = self.peek() == Some(byte);
        self.at += usize::from(comes);
        comes
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, String> {
        if depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => {
                self.at += 1;
                let mut all = Vec::new();
                if self.takes(b']') {
                    return Ok(Value::List(all));
                }
                loop {
                    all.push(self.value(depth + 1)?);
                    if !self.takes(b',') {
                        self.expect(b']')?;
                        return Ok(Value::List(all));
                    }
                }
            }
            Some(b'"') => self.string().map(Value::Text),
            Some(b't') => self.word("true", Value::Flag(true)),
            Some(b'f') => self.word("false", Value::Flag(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => {
                let rest = &self.text[self.at..];
                let end = rest.bytes().position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).unwrap_or(rest.len());
                self.at += end;
                Ok(Value::Number(&rest[..end]))
            }
            _ => Err(self.wrong()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, String> {
        self.expect(b'{')?;
        let mut all = Vec::new();
        if self.takes(b'}') {
            return Ok(Value::Object(all));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.expect(b':')?;
            all.push((key, self.value(depth + 1)?));
            if !self.takes(b',') {
                self.expect(b'}')?;
                return Ok(Value::Object(all));
            }
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, String> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(value)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, String> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return Err(self.wrong()),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let inside = self.text.get(start..self.at).ok_or_else(|| self.wrong())?;
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(inside));
        }
        // With its quotes it is a JSON text of its own.
        let quoted = self.text.get(start - 1..self.at).ok_or_else(|| self.wrong())?;
        serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| self.wrong())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_without_rounding() {
        let text = r#" {"a":[1, -2.5e-3,null,true,false,"x\"\u00e9\\"],"b":{}} {"c":[]} "#;
        let all = read_all(text).unwrap();
        let list = all[0].get("a").unwrap().list();
        assert_eq!((list[0].whole(), list[1].number(), &list[2], list[3].is_true()), (Some(1), Some(-0.0025), &Value::Null, true));
        assert_eq!(list[5].text(), Some("x\"é\\"));
        assert_eq!(all[1].get("c"), Some(&Value::List(vec![])));
        let number = 0.1_f64 + 0.2;
        assert_eq!(read_all(&format!("[{number}]")).unwrap()[0].list()[0].number(), Some(number));
        assert_eq!(read_all("1795288620732000001").unwrap()[0].whole(), Some(1_795_288_620_732_000_001));
    }

    #[test]
    fn half_an_answer_and_garbage_are_errors() {
        let whole = r#"{"results":[{"series":[{"values":[[1,"aé"]]}]}]}"#;
        for end in (1..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert!(read_all(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        for garbage in ["<html>", "{]", "[1,]", "{\"a\" 1}", "nul", "\"\\", "\"\\u12\"", "[1 2]"] {
            assert!(read_all(garbage).is_err(), "{garbage}");
        }
        assert!(read_all(&"[".repeat(100_000)).is_err());
    }
}
