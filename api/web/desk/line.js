/**
 * Who waits in the queues that an agent serves: each line is listed once, then follows `contact.entered` and
 * `contact.left`, and is listed again when the server says `queue.resync`, or there was no connection.
 */
export class Lines {
  /** @param {any} d @param {() => void} changed */
  constructor(d, changed) {
    this.d = d;
    this.changed = changed;
    /** The lines by queue, each one a map of contacts. @type {Map<string, Map<string, any>>} */
    this.lines = new Map();
    this.counts = new Map();
    /** What came for a queue while its list was on the way. @type {Map<string, Function[]>} */
    this.late = new Map();
    this.offs = [
      d.on('contact.entered', (contact) => this.change(contact, (line) => line.set(contact.contact_id, contact))),
      d.on('contact.left', (contact) => this.change(contact, (line) => line.delete(contact.contact_id))),
      d.on('queue.status', (status) => this.count(status)),
      d.on('queue.resync', ({ queue_id }) => this.lines.has(queue_id) && this.list(queue_id)),
      d.on('snapshot', () => this.again()),
      d.on('state', () => this.follow()),
    ];
    this.follow();
  }

  close() {
    this.offs.forEach((off) => off());
  }

  /** Everybody who waits, the queue of the smallest number first. @param {(id: string) => any} queue */
  all(queue) {
    const rank = (/** @type {any} */ contact) => queue(contact.queue_id)?.priority ?? 0;
    return [...this.lines.values()].flatMap((line) => [...line.values()]).sort((one, other) =>
      rank(one) - rank(other) || one.queued_at - other.queued_at || (one.contact_id < other.contact_id ? -1 : 1));
  }

  /** List the queues that are new among the served ones, forget those that are not served any more. */
  follow() {
    const served = new Set((this.d.state.agent?.queues ?? []).map((/** @type {any} */ queue) => queue.queue_id));
    for (const id of this.lines.keys()) if (!served.has(id)) this.lines.delete(id);
    for (const id of served) if (!this.lines.has(id)) this.list(id);
  }

  again() {
    for (const id of this.lines.keys()) this.list(id);
  }

  /** @param {string} queue_id */
  async list(queue_id) {
    if (!this.lines.has(queue_id)) this.lines.set(queue_id, new Map());
    /** @type {Function[]} */ const late = [];
    this.late.set(queue_id, late);
    try {
      const { items } = await this.d.list_contacts({ queue_id, limit: 100 });
      if (this.late.get(queue_id) !== late || !this.lines.has(queue_id)) return;
      const line = new Map(items.map((/** @type {any} */ contact) => [contact.contact_id, contact]));
      // The list may be older or newer than they are; of each contact its last change decides, so both are right.
      late.forEach((change) => change(line));
      this.lines.set(queue_id, line);
      this.changed();
    } catch { /* not served any more; or the next snapshot lists again */ } finally {
      if (this.late.get(queue_id) === late) this.late.delete(queue_id);
    }
  }

  /** @param {any} contact @param {(line: Map<string, any>) => void} change */
  change({ queue_id }, change) {
    const line = this.lines.get(queue_id);
    if (!line) return;
    change(line);
    this.late.get(queue_id)?.push(change);
    this.changed();
  }

  /** @param {any} status */
  count(status) {
    this.counts.set(status.queue_id, status);
    this.changed();
  }
}
