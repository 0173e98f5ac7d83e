//! Whether an expression over entities can be read. What it means is known to learning alone; here it is only told early what is wrong.

/// The longest, characters.
const LONGEST: usize = 1000;
/// How deep parentheses and signs may be nested.
const DEEPEST: usize = 64;
/// What an expression looks like.
const EXAMPLE: &str = "write it like sensor.import - sensor.export";

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Operand,
    Operator,
}

/// What is wrong in `text`, and where, unless nothing is.
pub fn check(text: &str) -> Result<(), String> {
    if text.chars().count() > LONGEST {
        return Err(format!("it is longer than {LONGEST} characters"));
    }
    let (mut turn, mut open, mut signs, mut entities) = (Turn::Operand, 0, 0, 0);
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text[..text.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else { break };
        let word = &rest[..rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len())];
        turn = match (turn, first) {
            (Turn::Operand, '(') => {
                open += 1;
                Turn::Operand
            }
            (Turn::Operand, '-' | '+') => {
                signs += 1;
                Turn::Operand
            }
            (Turn::Operator, ')') if open > 0 => {
                open -= 1;
                Turn::Operator
            }
            (Turn::Operator, '+' | '-' | '*' | '/') => {
                signs = 0;
                Turn::Operand
            }
            (Turn::Operand, _) if is_entity(word) => {
                entities += 1;
                Turn::Operator
            }
            (Turn::Operand, _) if is_number(word) => Turn::Operator,
            _ => {
                return Err(format!(
                    "`{}` cannot stand at character {at}; {EXAMPLE}",
                    if word.is_empty() { &rest[..first.len_utf8()] } else { word }
                ));
            }
        };
        if open + signs > DEEPEST {
            return Err(format!("no more than {DEEPEST} parentheses and signs can stand within each other"));
        }
        rest = &rest[word.len().max(first.len_utf8())..];
    }
    match turn {
        _ if entities == 0 => Err(format!("there is no entity in it; {EXAMPLE}")),
        Turn::Operand => Err(format!("something is missing at its end; {EXAMPLE}")),
        Turn::Operator if open > 0 => Err("a `)` is missing".to_owned()),
        Turn::Operator => Ok(()),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

fn is_entity(word: &str) -> bool {
    let both = word.split_once('.').is_some_and(|(domain, object)| !domain.is_empty() && !object.is_empty() && !object.contains('.'));
    both && word.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == '.') && word.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sensor.house_power")]
    #[case(" sensor.a-sensor.b ")]
    #[case("-(sensor.a + sensor.b) * 1e3 / .5")]
    #[case("((sensor.a))")]
    fn an_expression_is_taken(#[case] text: &str) {
        assert_eq!(check(text), Ok(()));
    }

    #[rstest]
    #[case("", "there is no entity in it")]
    #[case("1 + 2", "there is no entity in it")]
    #[case("sensor.a +", "missing at its end")]
    #[case("(sensor.a", "a `)` is missing")]
    #[case("sensor.a)", "`)` cannot stand at character 9")]
    #[case("sensor.a sensor.b", "`sensor.b` cannot stand at character 10")]
    #[case("house_power", "`house_power` cannot stand at character 1")]
    #[case("sensor.a.b", "`sensor.a.b` cannot stand at character 1")]
    #[case("sensor.a * * 2", "`*` cannot stand at character 12")]
    #[case("sensor.ä", "`sensor.` cannot stand at character 1")]
    #[case("ü + %", "`ü` cannot stand at character 1")]
    fn what_is_wrong_is_said_with_its_place(#[case] text: &str, #[case] says: &str) {
        let error = check(text).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn nesting_and_length_have_limits() {
        assert!(check(&format!("{}sensor.a{}", "(".repeat(65), ")".repeat(65))).is_err());
        assert!(check(&format!("{}sensor.a", "-".repeat(65))).is_err());
        assert!(check(&"sensor.a + ".repeat(200)).is_err());
    }
}
