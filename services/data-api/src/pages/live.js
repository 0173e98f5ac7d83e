// What is known now, asked of the API every few seconds. Values come in W and kWh; null means that nobody knows.
const watts = (w) => (w === null ? "–" : Math.abs(w) >= 10000 ? `${(w / 1000).toFixed(1)} kW` : `${w.toFixed(Math.abs(w) < 10 ? 1 : 0)} W`);
const kwh = (e) => (e === null ? "–" : `${e.toFixed(e < 10 ? 2 : 1)} kWh`);
const signed = (w) => (w === null ? "–" : `${w > 0 ? "+" : ""}${watts(w)}`);
const words = {
  learned: "learned", varies: "varies by itself", measured: "has its own meter", stated: "as you said", no_load: "switches nothing", too_small: "too small for this meter",
  grouped: "always with others", not_enough_events: "switched too seldom", clean: "clear", overlapping: "with others", noisy: "uncertain",
  no_data: "meter was silent",
};
const at = (id) => document.getElementById(id);

async function ask(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

function rows(id, all, empty) {
  const filled = all.map((cells) => {
    const row = document.createElement("tr");
    for (const [text, isNumber] of cells) {
      const cell = row.insertCell();
      cell.textContent = text;
      if (isNumber) cell.className = "number";
    }
    return row;
  });
  if (filled.length === 0) {
    const row = document.createElement("tr");
    const cell = row.insertCell();
    cell.colSpan = 6;
    cell.className = "soft";
    cell.textContent = empty;
    filled.push(row);
  }
  at(id).replaceChildren(...filled);
}

function problems(all) {
  at("problems").replaceChildren(...all.map((text) => {
    const line = document.createElement("p");
    line.className = "problem";
    line.textContent = text;
    return line;
  }));
}

async function look() {
  try {
    const [current, devices, correlations, health] = await Promise.all([
      ask("/api/v1/energy/current"), ask("/api/v1/devices").then((told) => told.devices), ask("/api/v1/energy/correlations?min_delta=5&limit=20"),
      fetch("/health").then((response) => response.json()),
    ]);
    at("power").textContent = watts(current.total_power_w);
    at("since").textContent = current.total_power_w === null ? "the meter is silent" : `since ${new Date(current.timestamp).toLocaleTimeString()}`;
    at("today").textContent = kwh(current.daily_kwh);
    at("told").textContent = devices.filter((device) => device.power_w !== null).length;
    at("of").textContent = `of ${devices.length} that can be switched`;
    rows("devices", devices.map((device) => [
      [device.area ? `${device.name} (${device.area})` : device.name], [device.state ?? "–"], [watts(device.power_w), true],
      [device.power_low_w === null || device.power_high_w === null ? "–" : `${watts(device.power_low_w)} to ${watts(device.power_high_w)}`, true],
      [kwh(device.energy_kwh), true], [words[device.verdict] ?? device.verdict],
    ]), "Nothing is learned yet. It takes a few times that something is switched.");
    rows("correlations", correlations.map((one) => [
      [new Date(one.timestamp).toLocaleTimeString()], [one.name], [`${one.previous_state} → ${one.state}`], [signed(one.power_delta_w), true],
      [watts(one.power_before_w), true], [one.stage === "provisional" ? "just now" : words[one.verdict] ?? one.verdict],
    ]), "No change of at least 5 W in the last 24 hours.");
    problems(Object.entries(health.details).map(([name, text]) => `${name.replaceAll("_", " ")}: ${text}`));
  } catch (error) {
    problems([`The service does not answer (${error.message}). It is asked again in a few seconds.`]);
  }
}

look();
setInterval(look, 5000);
