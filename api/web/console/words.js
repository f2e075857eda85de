/** Events of the log as sentences. */
import { has, t } from '../look/texts.js';

const KINDS = { contact: 'accent', assignment: 'good', agent: null, call: 'accent', queue: 'bad', audit: 'warn', user: null, session: null };
export const NOUNS = Object.keys(KINDS);

/** What a reason is called. @param {string | null | undefined} reason */
export const because = (reason) => (
  !reason ? '' : has(`reason.${reason}`) ? t(`reason.${reason}`) : has(`desk.reason.${reason}`) ? t(`desk.reason.${reason}`) : reason
);

/**
 * One event: what it says, and whom it is about.
 * @param {{ event: string, data: any }} one @param {import('./board.js').Board} board
 */
export function tell({ event, data }, board) {
  const contact = event.startsWith('contact.') ? data : data.contact;
  const queue_id = contact?.queue_id ?? data.queue_id;
  const agent_id = data.agent_id ?? contact?.agent_id;
  const state = data.state && has(`state.${data.state}`) ? t(`state.${data.state}`) : data.state;
  const service = event === 'agent.service' ? `${event}.${data.serving ? 'on' : 'off'}` : event;
  const values = {
    customer: contact?.name ?? data.user_id ?? '', agent: agent_id ? board.agent_name(agent_id) : '',
    queue: queue_id ? board.name(queue_id) : '', state, caller: data.caller_name || data.caller_id,
    callee: data.callee_name || data.callee_id,
    actor: data.actor_id, command: data.command, subject: data.subject, status: data.status,
  };
  const reason = because(data.reason ?? (event.startsWith('agent.') ? data.dnd_reason : null));
  const key = `event.${service}`;
  return {
    text: has(key) ? t(key, values) : event, reason, kind: KINDS[event.split('.')[0]] ?? null,
    contact_id: contact?.contact_id ?? data.contact_id ?? null, agent_id, queue_id,
  };
}
