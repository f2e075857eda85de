/** The states of an agent in the order in which they are told, and the colour of each. */
export const KINDS = {
  idle: 'good', offered: 'accent', busy: 'accent', wrapping: 'warn', cooling: 'warn', manual: 'bad', offline: null,
};
export const STATES = Object.keys(KINDS);

/** Why an agent is not ready. */
export const REASONS = ['break', 'meal', 'training', 'desk_work', 'manual'];
