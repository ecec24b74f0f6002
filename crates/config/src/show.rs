//! The effective configuration as TOML.

use crate::Config;
use crate::schema::{Draft, SECTIONS, TABLES, quote};

/// Every key with its value; reads back to an equal [`Config`]. A default that counts for more once
/// it is written stands behind a `#`.
pub fn to_toml(config: &Config) -> String {
    let draft = Draft::of(config.clone());
    let mut text = String::with_capacity(4096);
    for section in SECTIONS {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("[{}]\n", section.path));
        for row in section.rows {
            // TOML has no keys of a table after the tables below it.
            if row.path != TABLES || config.network.vlans.is_empty() {
                if config.network.explicit.is_default(row.path) {
                    text.push('#');
                }
                text.push_str(&format!("{} = ", row.name));
                (row.write)(&draft, &mut text);
                text.push('\n');
            }
        }
        if section.rows.iter().any(|row| row.path == TABLES) {
            vlans(config, &mut text);
        }
    }
    text
}

fn vlans(config: &Config, text: &mut String) {
    for vlan in &config.network.vlans {
        text.push_str(&format!("\n[[{TABLES}]]\nparent = "));
        quote(vlan.parent.as_str(), text);
        text.push_str(&format!("\nid = {}\nname = ", vlan.id));
        quote(vlan.name.as_str(), text);
        text.push_str("\naddresses = [");
        for (index, address) in vlan.addresses.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { ", " });
            quote(&address.to_string(), text);
        }
        text.push_str("]\n");
    }
}
