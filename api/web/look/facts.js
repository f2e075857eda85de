/** `ext` is free text; where it is a JSON object, its members are told one by one. @returns {[string, string][]} */
export function facts(/** @type {string} */ ext) {
  if (!ext) return [];
  try {
    const value = JSON.parse(ext);
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      return Object.entries(value).map(([name, one]) => [name, typeof one === 'string' ? one : JSON.stringify(one)]);
    }
  } catch { /* it is no JSON */ }
  return [['', ext]];
}

/** What a contact's customer is called: a backend that queues somebody need not give a name. */
export const called = (/** @type {{ name: string, customer_id: string }} */ { name, customer_id }) => name || customer_id;

/** What the customer said, as one line. */
export const about = (/** @type {{ ext: string }} */ contact) => facts(contact.ext).map(([, value]) => value).join(' · ');
