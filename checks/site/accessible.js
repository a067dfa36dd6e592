// In the tab of a page that has loaded axe: the rules of axe that are gravely broken, each with its places;
// either all rules but contrast, or contrast alone, which depends on the colour scheme.
async (contrast) => {
  const run = async (within, rules) => {
    const { violations } = await axe.run(within, { resultTypes: ["violations"], ...rules });
    const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    return grave.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
  };
  if (!contrast) return run("html", { rules: { "color-contrast": { enabled: false } } });

  // Contrast is a matter of style: of all texts that look the same in the same place, one is measured.
  const seen = new Set();
  for (const element of document.querySelectorAll("body *")) {
    delete element.dataset.contrast;
    if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    const style = getComputedStyle(element);
    const look = [style.color, style.backgroundColor, style.fontSize, style.fontWeight, style.opacity];
    for (let at = element; at; at = at.parentElement) look.push(at.tagName, at.className);
    const key = look.join();
    if (!seen.has(key)) element.dataset.contrast = "";
    seen.add(key);
  }
  return run("[data-contrast]", { runOnly: ["color-contrast"] });
};
