import { readyMadeTabs } from './tabs.ts'

/**
 * Storage for GraphiQL's tabs and history, until the browser's tab is closed: variables may contain personal
 * data. On a first visit it holds the first prepared tab, which GraphiQL would open without its variables.
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
