// Material draws diagrams through window.mermaid; this one loads the site's own Mermaid on first use.
(() => {
  const address = new URL("mermaid/mermaid.esm.min.mjs", document.currentScript.src);
  // Material colours arrow heads by ids that Mermaid now prefixes; without this they vanish in the dark.
  const arrows = `[id$="-arrowhead"] path, [id$="-crosshead"] path, [id$="-filled-head"] path {
    fill: var(--md-mermaid-edge-color) !important; stroke: var(--md-mermaid-edge-color) !important; }`;
  let options, loading;
  const load = async () => {
    const { default: mermaid } = await import(address);
    const themeCSS = `${options.themeCSS} ${arrows}`;
    mermaid.initialize({ ...options, themeCSS, suppressErrorRendering: true });
    return mermaid;
  };
  window.mermaid = {
    initialize: (given) => { options = given; },
    render: async (...diagram) => {
      const drawn = await (await (loading ??= load())).render(...diagram);
      // On a phone a wide diagram scrolls instead of shrinking until nobody can read it.
      const svg = drawn.svg.replace(/max-width: ([\d.]+)px;/, (limit, width) =>
        `${limit} min-width: ${Math.min(width * 0.6, 640)}px;`);
      return { ...drawn, svg };
    },
  };
})();
