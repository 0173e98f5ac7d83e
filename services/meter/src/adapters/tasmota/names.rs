//! The names that scripts of smart meters give their values, as far as they are known: those of Tasmota's documentation, and of what readers
//! sell with.
//!
//! Upper and lower case are the same, and so are `total_in`, `Total-in` and `TotalIn`. A unit at a name's end (`total_in_wh`, `power_kw`) counts.

/// Power, W, negative while exporting.
pub(super) const POWER: &[&str] = &[
    "power_cur",
    "power_curr",
    "power",
    // EasyMeter's script counts energy in `Power_Sum` beside it.
    "power_use_sum",
    "power_total",
    "total_power",
    "power_sum",
    "power_now",
    "current_power",
    "cur_power",
    "curr_power",
    "active_power",
    "active_power_total",
    "current_active_power",
    "power_active",
    "act_power",
    "actual_power",
    "effective_power",
    "p",
    "p_total",
    "p_tot",
    "pt",
    "p_sum",
    "p_act",
    "watt",
    "watts",
    "watt_summe",
    "w",
    "leistung",
    "leistung_gesamt",
    "leistung_total",
    "aktuelle_leistung",
    "wirkleistung",
    "aktuelle_wirkleistung",
    "momentanwirkleistung",
    "momentanverbrauch",
    "current_consumption",
    "curr_w",
    "dj_tpwrcurr",
    "ec_powerval",
    "16_7_0",
];
/// Power drawn, W.
pub(super) const POWER_IN: &[&str] =
    &["power_in", "p_in", "power_import", "power_bezug", "leistung_bezug", "momentanleistung", "p_import", "kw_in", "1_7_0"];
/// Power given, W.
pub(super) const POWER_OUT: &[&str] = &[
    "power_out",
    "p_out",
    "power_export",
    "power_einspeisung",
    "leistung_einspeisung",
    "einspeiseleistung",
    "p_export",
    "kw_out",
    "2_7_0",
];
/// Names of power that is written in kW wherever it is known: OBIS codes of meters that tell both directions apart.
pub(super) const IN_KW: &[&str] = &["1_7_0", "2_7_0", "21_7_0", "41_7_0", "61_7_0"];
/// Energy drawn, kWh.
pub(super) const IMPORT: &[&str] = &[
    "e_in",
    "total_in",
    "energy_in",
    "energy_import",
    "energy_imported",
    "total_import",
    "import",
    "import_active",
    "total_consumed",
    "power_total_in",
    "dj_tpwrin",
    "kwh_in",
    "eti180",
    "meter_reading_total",
    "counter_pos",
    "pos_wirk_tariflos",
    "real_energy_consumed",
    "enrg_imp",
    "timp",
    "bezug_summe",
    "verbrauch_summe",
    "total_summe",
    // What comes now may be a sum of both directions.
    "energy_total",
    "energy_tot",
    "energy_sum",
    "e_total",
    "total",
    "energy",
    "zaehlerstand",
    "zählerstand",
    "zaehlerstand_bezug",
    "zaehlerstand_180",
    "bezug",
    "verbrauch",
    "verbrauch_gesamt",
    "gesamtverbrauch",
    "ec_counterval",
    "kwh",
    "counter",
    "1_8_0",
];
/// Energy given, kWh.
pub(super) const EXPORT: &[&str] = &[
    "e_out",
    "total_out",
    "energy_out",
    "energy_export",
    "energy_exported",
    "total_export",
    "export_total",
    "export",
    "export_active",
    "total_delivered",
    "power_total_out",
    "dj_tpwrout",
    "kwh_out",
    "total_kwh_out",
    "eto280",
    "neg_active_total",
    "counter_neg",
    "neg_wirk_tariflos",
    "real_energy_delivered",
    "enrg_exp",
    "texp",
    "en_out",
    "energy_supply",
    "energy_tot_export",
    "total_einsp",
    "einspeisung",
    "einspeisung_gesamt",
    "einspeisung_ges",
    "einspeisung_summe",
    "gesamteinspeisung",
    "zaehlerstand_einspeisung",
    "zaehlerstand_280",
    "lieferung",
    "2_8_0",
];
/// What stands before the number of a rate.
pub(super) const RATES: &[&str] = &["_t", "_", "_tarif", "_tariff", "t"];
/// Energy drawn and given, by rates alone: `1_8_1` and `1_8_2`.
pub(super) const RATES_OF: [&str; 2] = ["1_8", "2_8"];
/// What stands before the number of a phase, and behind it.
pub(super) const PHASES: &[(&str, &str)] = &[
    ("power_p", ""),
    ("power_l", ""),
    ("p", ""),
    ("l", ""),
    ("p_l", ""),
    ("power_phase_", ""),
    ("phase_", ""),
    ("power_", ""),
    ("leistung_l", ""),
    ("watt_l", ""),
    ("w_l", ""),
    ("kw_l", ""),
    ("active_power_l", ""),
    ("wirkleistung_l", ""),
    ("eff_power_l", ""),
    ("power_l", "_curr"),
    ("power_curr_p", ""),
];
/// Power of the phases by OBIS codes.
pub(super) const PHASES_BY_CODE: [[&str; 3]; 2] = [["36_7_0", "56_7_0", "76_7_0"], ["21_7_0", "41_7_0", "61_7_0"]];
/// Power of the phases by letters.
pub(super) const PHASES_BY_LETTER: [&str; 3] = ["power_a", "power_b", "power_c"];
pub(super) const VOLTAGE: &[&str] = &["voltage", "volt", "u", "spannung"];
pub(super) const CURRENT: &[&str] = &["current", "i", "strom", "ampere"];
pub(super) const FREQUENCY: &[&str] = &["frequency", "frequenz", "freq", "hz", "f"];
/// What objects are called that count something else than electricity.
pub(super) const NOT_ELECTRIC: &[&str] = &[
    "gas",
    "gasmeter",
    "gaszaehler",
    "gaszähler",
    "water",
    "watermeter",
    "wasser",
    "wasserzaehler",
    "wasserzähler",
    "kaltwasser",
    "warmwasser",
    "h2o",
    "h20",
    "heat",
    "heatmeter",
    "waerme",
    "wärme",
    "waermemenge",
    "wärmemenge",
    "waermezaehler",
    "wärmezähler",
    "fernwaerme",
    "fernwärme",
];

/// A name as it is looked for: `Total-in` as `total_in`. A sign before it stays: `-P` is not `P`.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase();
    name.char_indices().map(|(at, c)| if matches!(c, '-' | '.' | ' ') && at > 0 { '_' } else { c }).collect()
}

/// A plain name that is written in one word, such as `totalin`; none of a short one, which would be another word: `p_in` is no `PIN`.
pub(super) fn in_one_word(plain: &str) -> Option<String> {
    let word: String = plain.chars().filter(|c| *c != '_').collect();
    (word.len() >= 6 && !word.bytes().all(|byte| byte.is_ascii_digit())).then_some(word)
}
