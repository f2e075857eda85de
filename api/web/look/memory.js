/** What a page remembers. Storage may be forbidden (in a frame of another site): then it forgets. */
const memory = (/** @type {() => Storage} */ storage) => ({
  /** @param {string} name @returns {string | null} */
  get(name) {
    try { return storage().getItem(`acd.${name}`); } catch { return null; }
  },
  /** @param {string} name @param {string | null} value null: no more */
  set(name, value) {
    try {
      if (value === null) storage().removeItem(`acd.${name}`);
      else storage().setItem(`acd.${name}`, value);
    } catch { /* forgotten */ }
  },
});

/** For this tab, over reloads. */
export const tab = memory(() => sessionStorage);
/** For this browser. */
export const browser = memory(() => localStorage);
