import { readyMadeTabs } from './tabs.ts'

/**
 * Where GraphiQL keeps tabs and history: until the browser's tab is closed, for variables may name people.
 * A first visit finds the first ready-made tab in it: GraphiQL itself would open it without its variables.
 */
export function openStorage(): Storage {
  const storage = window.sessionStorage
  if (storage.getItem('graphiql:query') === null) {
    const [first] = readyMadeTabs
    storage.setItem('graphiql:query', first.query)
    storage.setItem('graphiql:variables', first.variables)
  }
  return storage
}
