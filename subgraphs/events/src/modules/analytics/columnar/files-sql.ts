export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Files as an item of FROM. */
export const readFiles = (files: readonly string[]): string =>
  `read_parquet([${files.map(literal).join(', ')}])`
