/**
 * Pages as functions of what is known: `h` describes an element, `draw` brings what stands there to what is described
 * and leaves alone what is equal, so that focus, selection and typed text stay.
 *
 * @typedef {{ tag: string, props: Record<string, any>, children: Child[] }} Described
 * @typedef {Described | string | number | null | undefined | false | Child[]} Child
 */
const OF = Symbol('props');

/** @param {string} tag @param {Record<string, any> | null} [props] @param {...any} children @returns {Described} */
export const h = (tag, props, ...children) => ({ tag, props: props ?? {}, children });

/** Make `children` what `host` holds. @param {Element} host @param {...any} children */
export function draw(host, ...children) {
  const keyed = new Map();
  for (const node of host.children) {
    const key = node[OF]?.key;
    if (key !== undefined) keyed.set(key, node);
  }
  const shown = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  // What goes, goes first: nothing that stays need move then, and what has the focus keeps it.
  const staying = keyed.size ? new Set(shown.map((child) => child.props?.key)) : null;
  for (const [key, node] of keyed) if (!staying.has(key)) node.remove();
  let place = host.firstChild;
  for (const child of shown) {
    const node = found(child, keyed, place) ?? made(child);
    if (node === place) place = place.nextSibling;
    else host.insertBefore(node, place);
    if (typeof child === 'object') fit(node, child);
    else if (node.data !== String(child)) node.data = String(child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

/** The node that stands for it already. */
function found(child, keyed, place) {
  if (typeof child !== 'object') return place?.nodeType === Node.TEXT_NODE ? place : undefined;
  const { tag, props } = child;
  if (props.key !== undefined) {
    const node = keyed.get(props.key);
    return node?.localName === tag ? node : undefined;
  }
  return place?.localName === tag && place[OF]?.key === undefined ? place : undefined;
}

const made = (child) => (typeof child === 'object' ? document.createElement(child.tag) : document.createTextNode(''));

/** Bring a node's properties, attributes and children to what is described. */
function fit(node, { tag, props, children }) {
  const old = node[OF] ?? {};
  node[OF] = props;
  for (const name of Object.keys(old)) if (!(name in props)) put(node, name, null);
  for (const [name, value] of Object.entries(props)) {
    if (old[name] !== value || name === 'value' || name === 'checked') put(node, name, value);
  }
  // What is inside a custom element is its own.
  if (!tag.includes('-')) draw(node, ...children);
  // A select takes its value once its options are there.
  if (tag === 'select' && 'value' in props) put(node, 'value', props.value);
  if (tag === 'select' && props.initial !== old.initial) put(node, 'initial', props.initial);
}

function put(node, name, value) {
  if (name === 'key') return;
  // What a field begins with: from then on it is the user's.
  if (name === 'initial') {
    if (node.type === 'checkbox') node.checked = Boolean(value);
    else node.value = value ?? '';
    return;
  }
  if (name.startsWith('on') || name === 'value' || typeof value === 'boolean' && name in node) {
    if (node[name] !== value) node[name] = value ?? (name.startsWith('on') ? null : '');
  } else if (value === null || value === undefined || value === false && !name.startsWith('aria-')) {
    node.removeAttribute(name);
    if (typeof node[name] === 'boolean') node[name] = false;
  } else node.setAttribute(name, String(value));
}
