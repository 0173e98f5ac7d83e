//! Expressions over entity ids, such as `(sensor.import - sensor.export) * 1000 + sensor.pv`.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = factor  { ("*" | "/") factor }
//! factor  = "-" factor | "+" factor | "(" sum ")" | number | domain "." object
//! ```
//!
//! An entity id holds letters, digits and `_` only, so `sensor.a-sensor.b` is a difference.

use std::fmt;

/// How deep parentheses and signs may be nested.
const DEEPEST: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Sensor(usize),
    Negative(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    root: Node,
    /// The entity ids in it, each once, in the order they come.
    pub(super) ids: Vec<String>,
}

impl Expression {
    /// Parses `text`. The error says at which character it went wrong and what was expected there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0, ids: Vec::new() };
        let root = parser.sum(0)?;
        match parser.rest() {
            "" if parser.ids.is_empty() => Err("there is no entity id in it".to_owned()),
            "" => Ok(Expression { root, ids: parser.ids }),
            _ => Err(parser.expected("+, -, *, / or the end")),
        }
    }

    /// The sum of `ids`, in their order; `None` without any.
    pub(super) fn sum(ids: &[&str]) -> Option<Self> {
        let mut root = Node::Sensor(0);
        for k in 1..ids.len() {
            root = Node::Binary(Operator::Plus, Box::new(root), Box::new(Node::Sensor(k)));
        }
        (!ids.is_empty()).then(|| Expression { root, ids: ids.iter().map(|&id| id.to_owned()).collect() })
    }

    /// Takes `ids` off.
    pub(super) fn less(mut self, ids: &[&str]) -> Self {
        for &id in ids {
            self.root = Node::Binary(Operator::Minus, Box::new(self.root), Box::new(Node::Sensor(self.ids.len())));
            self.ids.push(id.to_owned());
        }
        self
    }

    /// The value where `values[k]` is that of `ids[k]`; not finite where one of them is not.
    pub(super) fn value(&self, values: &[f64]) -> f64 {
        fn of(node: &Node, values: &[f64]) -> f64 {
            match node {
                Node::Number(number) => *number,
                Node::Sensor(k) => values[*k],
                Node::Negative(inner) => -of(inner, values),
                Node::Binary(operator, left, right) => {
                    let (left, right) = (of(left, values), of(right, values));
                    match operator {
                        Operator::Plus => left + right,
                        Operator::Minus => left - right,
                        Operator::Times => left * right,
                        Operator::Over => left / right,
                    }
                }
            }
        }
        of(&self.root, values)
    }

    /// Whether it is nothing but one entity.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.root, Node::Sensor(_))
    }

    /// Whether anything is multiplied or divided: whoever writes that has units in mind.
    pub(super) fn scales(&self) -> bool {
        fn of(node: &Node) -> bool {
            match node {
                Node::Number(_) | Node::Sensor(_) => false,
                Node::Negative(inner) => of(inner),
                Node::Binary(Operator::Times | Operator::Over, ..) => true,
                Node::Binary(_, left, right) => of(left) || of(right),
            }
        }
        of(&self.root)
    }
}

impl fmt::Display for Expression {
    /// With single spaces and no parentheses but those it needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn write(node: &Node, ids: &[String], above: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let (binds, sign) = match node {
                Node::Number(number) => return write!(f, "{number}"),
                Node::Sensor(k) => return f.write_str(&ids[*k]),
                Node::Negative(inner) => {
                    f.write_str("-")?;
                    return write(inner, ids, 4, f);
                }
                Node::Binary(Operator::Plus, ..) => (1, "+"),
                Node::Binary(Operator::Minus, ..) => (1, "-"),
                Node::Binary(Operator::Times, ..) => (3, "*"),
                Node::Binary(Operator::Over, ..) => (3, "/"),
            };
            let Node::Binary(operator, left, right) = node else { return Ok(()) };
            if binds < above {
                f.write_str("(")?;
            }
            write(left, ids, binds, f)?;
            write!(f, " {sign} ")?;
            write(right, ids, binds + u8::from(matches!(operator, Operator::Minus | Operator::Over)), f)?;
            if binds < above {
                f.write_str(")")?;
            }
            Ok(())
        }
        write(&self.root, &self.ids, 0, f)
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Byte that comes next.
    at: usize,
    ids: Vec<String>,
}

impl<'a> Parser<'a> {
    /// What is left, without leading blanks.
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    /// Steps over `sign` where it comes next.
    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn expected(&mut self, what: &str) -> String {
        let found = match self.rest() {
            "" => "the end".to_owned(),
            rest => {
                let word = rest.find(|c: char| !is_part_of_an_id(c) && c != '.').unwrap_or(rest.len());
                format!("`{}`", &rest[..word.max(rest.chars().next().map_or(0, char::len_utf8))])
            }
        };
        format!("at character {}: expected {what}, found {found}", self.text[..self.at].chars().count() + 1)
    }

    fn sum(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.product(depth)?;
        loop {
            let operator = if self.take('+') {
                Operator::Plus
            } else if self.take('-') {
                Operator::Minus
            } else {
                return Ok(left);
            };
            left = Node::Binary(operator, Box::new(left), Box::new(self.product(depth)?));
        }
    }

    fn product(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.factor(depth)?;
        loop {
            let operator = if self.take('*') {
                Operator::Times
            } else if self.take('/') {
                Operator::Over
            } else {
                return Ok(left);
            };
            left = Node::Binary(operator, Box::new(left), Box::new(self.factor(depth)?));
        }
    }

    fn factor(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEEPEST {
            return Err(self.expected(&format!("no more than {DEEPEST} parentheses and signs within each other")));
        }
        if self.take('-') {
            return Ok(Node::Negative(Box::new(self.factor(depth + 1)?)));
        }
        if self.take('+') {
            return self.factor(depth + 1);
        }
        if self.take('(') {
            let inner = self.sum(depth + 1)?;
            return if self.take(')') { Ok(inner) } else { Err(self.expected("+, -, *, / or )")) };
        }
        match self.rest().chars().next() {
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if is_part_of_an_id(c) => self.sensor(),
            _ => Err(self.expected("an entity id, a number or (")),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let rest = self.rest();
        let word = rest.find(|c: char| !is_part_of_an_id(c) && c != '.').unwrap_or(rest.len());
        match rest[..word].parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.at += word;
                Ok(Node::Number(number))
            }
            _ => Err(self.expected("a number such as 1000 or 0.5")),
        }
    }

    fn sensor(&mut self) -> Result<Node, String> {
        let rest = self.rest();
        let word = rest.find(|c: char| !is_part_of_an_id(c) && c != '.').unwrap_or(rest.len());
        let id = rest[..word].to_ascii_lowercase();
        match id.split_once('.') {
            Some((domain, object)) if !domain.is_empty() && !object.is_empty() && !object.contains('.') => {}
            _ => return Err(self.expected("an entity id such as sensor.house_power")),
        }
        self.at += word;
        let k = self.ids.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.ids.push(id);
            self.ids.len() - 1
        });
        Ok(Node::Sensor(k))
    }
}

fn is_part_of_an_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sensor.a", "sensor.a", 7.0)]
    #[case(" SENSOR.A ", "sensor.a", 7.0)]
    #[case("sensor.a-sensor.b", "sensor.a - sensor.b", 4.0)]
    #[case("sensor.a - sensor.b + sensor.c", "sensor.a - sensor.b + sensor.c", 6.0)]
    #[case("sensor.a - (sensor.b + sensor.c)", "sensor.a - (sensor.b + sensor.c)", 2.0)]
    #[case("sensor.a-(sensor.b-sensor.c)", "sensor.a - (sensor.b - sensor.c)", 6.0)]
    #[case("(sensor.a + sensor.b) * 1000", "(sensor.a + sensor.b) * 1000", 10_000.0)]
    #[case("sensor.a + sensor.b * 1e3", "sensor.a + sensor.b * 1000", 3007.0)]
    #[case("sensor.a / sensor.b / sensor.c", "sensor.a / sensor.b / sensor.c", 7.0 / 6.0)]
    #[case("-sensor.a", "-sensor.a", -7.0)]
    #[case("-(sensor.a - sensor.b)", "-(sensor.a - sensor.b)", -4.0)]
    #[case("--sensor.a", "--sensor.a", 7.0)]
    #[case("((sensor.a))", "sensor.a", 7.0)]
    #[case("sensor.a + sensor.a", "sensor.a + sensor.a", 14.0)]
    #[case("0.5*sensor.a", "0.5 * sensor.a", 3.5)]
    fn an_expression_is_read_and_written(#[case] text: &str, #[case] written: &str, #[case] value: f64) {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.to_string(), written);
        let values: Vec<f64> = expression.ids.iter().map(|id| [7.0, 3.0, 2.0][usize::from(id.as_bytes()[7] - b'a')]).collect();
        assert!((expression.value(&values) - value).abs() < 1e-9);
        assert_eq!(Expression::parse(written).unwrap(), expression);
    }

    #[rstest]
    #[case("", "at character 1: expected an entity id, a number or (, found the end")]
    #[case("sensor.a +", "at character 11: expected an entity id, a number or (, found the end")]
    #[case("sensor.a sensor.b", "at character 10: expected +, -, *, / or the end, found `sensor.b`")]
    #[case("(sensor.a + sensor.b", "at character 21: expected +, -, *, / or ), found the end")]
    #[case("sensor.a)", "at character 9: expected +, -, *, / or the end, found `)`")]
    #[case("house_power", "at character 1: expected an entity id such as sensor.house_power, found `house_power`")]
    #[case("sensor.a.b", "at character 1: expected an entity id such as sensor.house_power, found `sensor.a.b`")]
    #[case("sensor.a * 10x", "at character 12: expected a number such as 1000 or 0.5, found `10x`")]
    #[case("ü + %", "at character 1: expected an entity id, a number or (, found `ü`")]
    #[case("sensor.a − sensor.b", "at character 10: expected +, -, *, / or the end, found `−`")]
    #[case("12 + 3", "there is no entity id in it")]
    fn an_error_says_where_and_what_was_expected(#[case] text: &str, #[case] error: &str) {
        assert_eq!(Expression::parse(text), Err(error.to_owned()));
    }

    #[test]
    fn nesting_has_a_limit() {
        let deep = format!("{}sensor.a{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(Expression::parse(&deep).unwrap_err().contains("no more than 64"));
        assert!(Expression::parse(&format!("{}sensor.a", "-".repeat(100_000))).is_err());
    }

    #[test]
    fn sums_and_differences_are_put_together() {
        let house = Expression::sum(&["sensor.a", "sensor.b"]).map(|sum| sum.less(&["sensor.c"])).unwrap();
        assert_eq!(house.to_string(), "sensor.a + sensor.b - sensor.c");
        assert_eq!(house.value(&[7.0, 3.0, 2.0]), 8.0);
        assert_eq!(Expression::sum(&[]), None);
    }

    #[test]
    fn scaling_and_plain_entities_are_noticed() {
        assert!(Expression::parse("(sensor.a)").unwrap().is_plain());
        assert!(!Expression::parse("-sensor.a").unwrap().is_plain());
        assert!(Expression::parse("-(sensor.a * 1000)").unwrap().scales());
        assert!(!Expression::parse("sensor.a - sensor.b").unwrap().scales());
    }
}
