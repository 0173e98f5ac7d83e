"""Makes the benchmark's inputs: bench_data.py year|recorder FOLDER. Needs numpy and polars; the truth is written beside."""
import json
import os
import pathlib
import sqlite3
import sys
import zlib

import numpy as np
import polars as pl

METER = "sensor.house_power"
START = 1_735_689_600  # 2025-01-01T00:00:00Z
UNIT = {"unit_of_measurement": "W", "device_class": "power", "state_class": "measurement"}


def devices(rng, seconds, changes, entities=40):
    """Loads of known power, switched at random: {entity: W} (0 = a ghost), rows (second, entity index, state, brightness or -1), and the power they add."""
    names, watts, rows = [], [], []
    added = np.zeros(seconds + 1)
    for k in range(entities):
        domain = ("switch", "light", "switch", "input_boolean")[k % 4]
        names.append(f"{domain}.thing_{k:02d}")
        watts.append(0.0 if k % 8 == 7 else float(np.exp(rng.uniform(np.log(5), np.log(2500)))))
        per = 2 * seconds * entities / changes  # seconds from one on to the next
        n = changes // entities // 2
        starts = np.sort(rng.uniform(30, seconds - 30, n))
        room = np.diff(np.r_[starts, seconds - 10])
        ends = starts + np.minimum(rng.exponential(per / 6, n) + 20, 0.9 * room)
        level = rng.choice([64, 128, 192, 255], n) if domain == "light" else np.full(n, -1)
        w = watts[-1] * np.where(level < 0, 1.0, level / 255)
        np.add.at(added, starts.astype(int), w)
        np.add.at(added, ends.astype(int), -w)
        said = rng.uniform(0, 4, (2, n))  # Home Assistant says it a little late
        rows += [(starts + np.minimum(said[0], 0.3 * (ends - starts)), np.full(n, k), np.full(n, 1), level)]
        rows += [(ends + np.minimum(said[1], 0.3 * np.r_[room[:-1] - (ends - starts)[:-1], 3]), np.full(n, k), np.zeros(n, int), np.full(n, -1))]
    at, who, on, level = (np.concatenate(x) for x in zip(*rows))
    order = np.argsort(at, kind="stable")
    return dict(zip(names, watts)), at[order], who[order], on[order], level[order], np.cumsum(added[:-1])


def household(rng, seconds):
    """The rest of the house: a base that wanders, a fridge, and things that nobody says."""
    t = np.arange(seconds)
    fridge = np.where((t + 900 * np.sin(t / 40_000)) % 2700 < 900, 90.0, 0.0)
    wander = np.repeat(np.abs(np.cumsum(rng.normal(0, 4, seconds // 60 + 1)) % 200 - 100), 60)[:seconds]
    unsaid = np.zeros(seconds + 1)
    for a in rng.uniform(0, seconds - 4000, seconds // 3600).astype(int):
        w, d = rng.uniform(30, 1500), int(rng.uniform(30, 3600))
        unsaid[a] += w
        unsaid[a + d] -= w
    return 140 + fridge + wander + np.cumsum(unsaid[:-1]) + rng.normal(0, 3, seconds)


def text(y):
    """Watts as Home Assistant says them, with one decimal; `y` is not negative."""
    tenths = pl.Series("y", np.round(np.maximum(y, 0) * 10).astype(np.int64))
    return pl.select(pl.format("{}.{}", tenths // 10, tenths % 10)).to_series()


def year(folder, seconds=365 * 86_400, changes=1_000_000):
    """31.5 million readings, one a second, and a million state changes as Parquet in the exam's columns, a month at a time."""
    rng = np.random.default_rng(1)
    truth, at, who, on, level, added = devices(rng, seconds, changes)
    y, names = added + household(rng, seconds), list(truth)
    stamp = pl.Datetime("ms", "UTC")
    parts, month = [], 86_400 * 30
    for a in range(0, seconds, month):
        b = min(a + month, seconds)
        ms = (START + np.arange(a, b)) * 1000 + rng.integers(0, 80, b - a)
        meter = pl.DataFrame({"entity_id": pl.repeat(METER, b - a, eager=True), "state": text(y[a:b]), "ms": ms}).with_columns(
            last_changed=pl.when(pl.col("state").ne_missing(pl.col("state").shift())).then("ms").forward_fill(),
            attributes=pl.lit(json.dumps(UNIT)),
        )
        k = slice(*np.searchsorted(at, [a, b]))
        said = pl.DataFrame(
            {
                "entity_id": pl.Series(names).gather(who[k]),
                "state": pl.Series(["off", "on"]).gather(on[k]),
                "ms": ((START + at[k]) * 1000).astype(np.int64),
                "attributes": [json.dumps({"brightness": int(v)}) if v >= 0 else "{}" for v in level[k]],
            }
        ).with_columns(last_changed="ms")
        columns = [pl.col("entity_id"), pl.col("state"), pl.col("last_changed").cast(stamp), pl.col("ms").cast(stamp).alias("last_updated"), pl.col("attributes")]
        parts.append(folder / f"part{len(parts):02d}.parquet")
        pl.concat([meter.select(said.columns), said], how="vertical").sort("ms").select(columns).write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(folder / "year.parquet", compression="zstd")
    for p in parts:
        p.unlink()
    (folder / "year.json").write_text(json.dumps(truth))


SCHEMA = """
CREATE TABLE schema_changes (change_id INTEGER PRIMARY KEY, schema_version INTEGER, changed DATETIME);
CREATE TABLE recorder_runs (run_id INTEGER PRIMARY KEY, start DATETIME, "end" DATETIME, closed_incorrect BOOLEAN, created DATETIME);
CREATE TABLE states_meta (metadata_id INTEGER PRIMARY KEY, entity_id VARCHAR(255));
CREATE TABLE state_attributes (attributes_id INTEGER PRIMARY KEY, hash BIGINT, shared_attrs TEXT);
CREATE TABLE states (state_id INTEGER NOT NULL, entity_id CHAR(0), state VARCHAR(255), attributes CHAR(0), event_id SMALLINT, last_changed CHAR(0),
  last_changed_ts FLOAT, last_reported_ts FLOAT, last_updated CHAR(0), last_updated_ts FLOAT, old_state_id INTEGER, attributes_id INTEGER,
  context_id CHAR(0), context_user_id CHAR(0), context_parent_id CHAR(0), origin_idx SMALLINT, context_id_bin BLOB, context_user_id_bin BLOB,
  context_parent_id_bin BLOB, metadata_id INTEGER, PRIMARY KEY (state_id));
CREATE TABLE statistics_meta (id INTEGER PRIMARY KEY, statistic_id VARCHAR(255), source VARCHAR(32), unit_of_measurement VARCHAR(255),
  unit_class VARCHAR(255), has_mean BOOLEAN, has_sum BOOLEAN, name VARCHAR(255), mean_type INTEGER NOT NULL DEFAULT 0);
CREATE TABLE statistics (id INTEGER PRIMARY KEY, created CHAR(0), created_ts FLOAT, metadata_id INTEGER, start CHAR(0), start_ts FLOAT, mean FLOAT,
  mean_weight FLOAT, min FLOAT, max FLOAT, last_reset CHAR(0), last_reset_ts FLOAT, state FLOAT, sum FLOAT);
"""
INDEXES = """
CREATE UNIQUE INDEX ix_states_meta_entity_id ON states_meta (entity_id);
CREATE INDEX ix_state_attributes_hash ON state_attributes (hash);
CREATE INDEX ix_states_metadata_id_last_updated_ts ON states (metadata_id, last_updated_ts);
CREATE INDEX ix_states_last_updated_ts ON states (last_updated_ts);
CREATE INDEX ix_states_old_state_id ON states (old_state_id);
CREATE INDEX ix_states_attributes_id ON states (attributes_id);
CREATE INDEX ix_states_context_id_bin ON states (context_id_bin);
"""


def recorder(folder, states=10_000_000, days=30):
    """A recorder database as Home Assistant 2026 leaves it: the meter every second, 40 entities that switch, 160 sensors of no interest."""
    rng = np.random.default_rng(2)
    seconds, changes = days * 86_400, 100_000
    truth, at, who, on, level, added = devices(rng, seconds, changes)
    y, names = added + household(rng, seconds), list(truth)
    quiet = [f"sensor.room_{k:03d}_{('temperature', 'humidity', 'illuminance', 'signal_strength')[k % 4]}" for k in range(160)]
    path = folder / "ha10m.db.part"
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.executescript("PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
    db.execute("INSERT INTO schema_changes VALUES (1, 53, '2025-01-01 00:00:00')")
    db.execute("INSERT INTO recorder_runs VALUES (1, '2025-01-01 00:00:00', NULL, 0, '2025-01-01 00:00:00')")
    entities = [METER, *names, *quiet]
    db.executemany("INSERT INTO states_meta VALUES (?, ?)", enumerate(entities, 1))
    attributes = [json.dumps(UNIT), "{}", *(json.dumps({"brightness": v}) for v in (64, 128, 192, 255))]
    attributes += [json.dumps({"friendly_name": n, "state_class": "measurement", "unit_of_measurement": "°C"}) for n in quiet]
    db.executemany("INSERT INTO state_attributes VALUES (?, ?, ?)", ((k, zlib.crc32(a.encode()), a) for k, a in enumerate(attributes, 1)))
    of_level = {-1: 2, 64: 3, 128: 4, 192: 5, 255: 6}
    last, state_id = {}, 0
    noise = (states - seconds - 2 * (changes // 2)) // days  # quiet sensors' states a day
    for day in range(days):
        lo, hi = day * 86_400, (day + 1) * 86_400
        k = slice(*np.searchsorted(at, [lo, hi]))
        t = np.concatenate([np.arange(lo, hi) + rng.uniform(0, 0.08, 86_400), at[k], rng.uniform(lo, hi, noise)])
        entity = np.concatenate([np.zeros(86_400, int), who[k] + 1, rng.integers(len(names) + 1, len(entities), noise)])
        state = text(y[lo:hi]).to_list() + ["on" if v else "off" for v in on[k]] + text(rng.uniform(0, 60, noise)).to_list()
        extra = np.concatenate([np.full(86_400, 1), [of_level[v] for v in level[k]], entity[-noise:] - len(names) - 1 + 7]).astype(int)
        rows = []
        for j in np.argsort(t, kind="stable"):
            state_id += 1
            e = int(entity[j]) + 1
            at_s = round(START + float(t[j]), 6)
            rows.append((state_id, state[j], at_s, last.get(e), int(extra[j]), os.urandom(16), e))
            last[e] = state_id
        db.executemany("INSERT INTO states (state_id, state, last_updated_ts, old_state_id, attributes_id, origin_idx, context_id_bin, metadata_id) VALUES (?, ?, ?, ?, ?, 0, ?, ?)", rows)
    db.executescript(INDEXES)
    db.commit()
    db.close()
    path.rename(folder / "ha10m.db")
    (folder / "ha10m.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    {"year": year, "recorder": recorder}[sys.argv[1]](pathlib.Path(sys.argv[2]))
