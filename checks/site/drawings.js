// In the tab of a page: scrolls to each of its diagrams, waits until it is drawn, and gives the lines of text that
// it shows, those that Mermaid's own parser finds in its source, its size, the room that is kept for it, and
// how far the page has shifted meanwhile.
async ([sources, patienceMs]) => {
  let shift = 0;
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value } of list.getEntries()) shift += hadRecentInput ? 0 : value;
  }).observe({ type: "layout-shift", buffered: true });

  const lines = (texts) =>
    texts
      .flatMap((text) => text.split(/\n|<br\s*\/?>/i))
      .map((line) => line.replace(/\s+/g, " ").trim())
      .filter(Boolean);

  const shown = (svg) => {
    const html = [...svg.querySelectorAll("foreignObject > *")].map((label) => label.innerText);
    const texts = [...svg.querySelectorAll("text:not(.labelText, .sequenceNumber)")].map((label) =>
      label.matches(".loopText, .sectionTitle") ? label.textContent.slice(1, -1) : label.textContent,
    );
    return lines([...html, ...texts]);
  };

  const labels = ({ type, db }) => {
    if (type === "sequence") {
      const actors = [...db.getActors().values()].map(({ description }) => description);
      const boxes = db.getBoxes().map(({ name }) => name);
      const messages = db.getMessages().filter(({ type: kind }) => kind !== db.LINETYPE.RECT_START);
      // Each actor stands above and below; the message of `autonumber` is no text.
      return [...actors, ...actors, ...boxes, ...messages.map(({ message }) => (message.trim ? message : ""))];
    }
    if (!/^flowchart|^stateDiagram/.test(type)) return null;
    db.extract?.(db.getRootDocV2());
    const { nodes, edges } = db.getData();
    const silent = ["stateStart", "stateEnd", "fork", "join", "choice", "noteGroup"];
    const labelled = nodes.filter(({ shape }) => !silent.includes(shape));
    return [...labelled, ...edges].flatMap(({ label, description }) => [label ?? "", ...(description ?? [])]);
  };
  // The parser keeps an entity such as #quot; as a mark, and Mermaid writes it out when it draws.
  const decoder = document.createElement("textarea");
  const decoded = (text) => {
    const html = text.replace(/ﬂ°°/g, "&#").replace(/ﬂ°/g, "&").replace(/¶ß/g, ";");
    decoder.innerHTML = html.replace(/</g, "&lt;");
    return decoder.value;
  };

  const look = async (diagram, source) => {
    const svg = diagram.querySelector(":scope > svg");
    if (!svg) return { error: Boolean(diagram.querySelector("[aria-roledescription='error']")) };
    const script = document.querySelector("script[src$='/mermaid.js']").src;
    const { default: mermaid } = await import(new URL("mermaid/mermaid.esm.min.mjs", script));
    const meant = labels(await mermaid.mermaidAPI.getDiagramFromText(source));
    const { width, height } = svg.viewBox.baseVal;
    const style = getComputedStyle(diagram);
    return {
      shown: shown(svg),
      meant: meant && lines(meant.map(decoded)),
      size: [Math.round(width), Math.round(height)],
      room: [Number(style.getPropertyValue("--width")), Number(style.getPropertyValue("--height"))],
    };
  };

  const frame = () => new Promise(requestAnimationFrame);
  const settled = async () => {
    await frame();
    await frame();
  };
  const deadline = performance.now() + patienceMs;
  const ended = ":scope > svg, [aria-roledescription='error']";
  const diagrams = document.querySelectorAll("div.mermaid");
  const looks = [];
  for (const [at, source] of sources.entries()) {
    const diagram = diagrams[at];
    const folds = [...document.querySelectorAll("details:not([open])")].filter((fold) => fold.contains(diagram));
    for (const fold of folds) fold.open = true;
    if (folds.length) await settled();
    shift = 0;
    diagram?.scrollIntoView({ block: "center", behavior: "instant" });
    while (!diagram?.querySelector(ended) && performance.now() < deadline) await frame();
    await settled();
    looks.push({ ...(diagram && (await look(diagram, source))), shift });
  }
  return looks;
};
