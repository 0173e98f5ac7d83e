// Says what is wrong, and becomes the live page when something is heard.
const problems = document.getElementById("problems");

async function look() {
  try {
    const health = await (await fetch("/health")).json();
    problems.replaceChildren(...Object.entries(health.details).map(([name, text]) => {
      const line = document.createElement("p");
      line.className = "problem";
      line.textContent = `${name.replaceAll("_", " ")}: ${text}`;
      return line;
    }));
    if (health.dependencies.readings === "ok") location.reload();
  } catch {
    // It may be starting again; the next look tells.
  }
}

look();
setInterval(look, 5000);
