/** All queues with their counts, the most urgent first. @param {any} d @returns {Promise<any[]>} */
export async function all_queues(d) {
  const queues = [];
  let cursor;
  do {
    const page = await d.list_queues({ status: true, ...(cursor && { cursor }) });
    queues.push(...page.items);
    ({ cursor } = page);
  } while (cursor);
  return queues.sort((one, other) => one.priority - other.priority || one.name.localeCompare(other.name));
}
