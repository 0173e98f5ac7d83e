//! What is to be put into the configuration for each of several devices, as one text.

use std::fmt::Write;

/// One table: its header, and its lines.
struct Table {
    header: String,
    lines: Vec<String>,
}

/// The tables of all `parts` (TOML whose sections have no list over several lines), each section once: what several say of one list of it stands in that list; of
/// anything else the first counts. Tables of a list, such as `[[mqtt_source]]`, are each kept.
pub(super) fn together<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<Table> = Vec::new();
    for table in parts.flat_map(tables) {
        let is_of_a_list = table.header.starts_with("[[");
        match all.iter_mut().find(|other| other.header == table.header && (!is_of_a_list || other.lines == table.lines)) {
            Some(known) => table.lines.iter().for_each(|line| known.take(line)),
            None => all.push(table),
        }
    }
    let mut text = String::new();
    for Table { header, lines } in all {
        let _ = writeln!(text, "{header}");
        lines.iter().for_each(|line| text.extend([line, "\n"]));
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn tables(text: &str) -> Vec<Table> {
    let mut found: Vec<Table> = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match found.last_mut().filter(|_| !line.starts_with('[')) {
            Some(table) => table.lines.push(line.to_owned()),
            None => found.push(Table { header: line.to_owned(), lines: Vec::new() }),
        }
    }
    found
}

impl Table {
    fn take(&mut self, line: &str) {
        let key = key_of(line);
        match self.lines.iter_mut().find(|known| key_of(known) == key) {
            None => self.lines.push(line.to_owned()),
            Some(known) => {
                if let (Some(items), Some(more)) = (list_of(known), list_of(line)) {
                    let missing: Vec<&str> = more.into_iter().filter(|item| !items.contains(item)).collect();
                    *known = format!("{key} = [{}]", [items, missing].concat().join(", "));
                }
            }
        }
    }
}

/// The key of a line; all of a comment.
fn key_of(line: &str) -> &str {
    if line.starts_with('#') { line } else { line.split('=').next().unwrap_or(line).trim() }
}

/// The items of a list of strings without commas.
fn list_of(line: &str) -> Option<Vec<&str>> {
    let items = line.split_once('=')?.1.trim().strip_prefix('[')?.strip_suffix(']')?;
    Some(items.split(',').map(str::trim).filter(|item| !item.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_stands_once_with_all_that_is_said_of_it() {
        let parts = [
            "[shelly]\nhosts = [\"192.168.1.7\"]\n",
            "[shelly]\ntopics = [\"shellies/#\"]\n",
            "[shelly]\nhosts = [\"192.168.1.8\"]\n",
            "[shelly]\nhosts = [\"192.168.1.7\"]\n",
            "[kasa]\n# Where they are.\nhosts = [\"192.168.1.9\"]\nusername = \"you@example.com\"\n",
            "[kasa]\n# Where they are.\nhosts = [\"192.168.1.10\"]\nusername = \"you@example.com\"\n",
            "[[mqtt_source]]\nname = \"a\"\nvalues = [{ quantity = \"power_w\", pointer = \"/p\" }]\n",
            "[[mqtt_source]]\nname = \"b\"\n",
            "[[mqtt_source]]\nname = \"b\"\n",
        ];
        let expected = "[shelly]\nhosts = [\"192.168.1.7\", \"192.168.1.8\"]\ntopics = [\"shellies/#\"]\n\n\
            [kasa]\n# Where they are.\nhosts = [\"192.168.1.9\", \"192.168.1.10\"]\nusername = \"you@example.com\"\n\n\
            [[mqtt_source]]\nname = \"a\"\nvalues = [{ quantity = \"power_w\", pointer = \"/p\" }]\n\n[[mqtt_source]]\nname = \"b\"";
        assert_eq!(together(parts.into_iter()), expected);
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        assert_eq!(together([""].into_iter()), "");
    }
}
