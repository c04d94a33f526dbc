import { Button } from '../ui/button.tsx'

interface Props {
  readonly pageInfo: { readonly endCursor?: string | null; readonly hasNextPage: boolean }
  readonly after: string | null
  readonly onPage: (after: string | null) => void
}

/** Leads to the next page of a list, and back to the first. */
export function More({ pageInfo, after, onPage }: Props) {
  if (!pageInfo.hasNextPage && after === null) return null
  return (
    <p>
      {after !== null && (
        <Button
          onClick={() => {
            onPage(null)
          }}
        >
          First page
        </Button>
      )}{' '}
      {pageInfo.hasNextPage && (
        <Button
          onClick={() => {
            onPage(pageInfo.endCursor ?? null)
          }}
        >
          Next page
        </Button>
      )}
    </p>
  )
}
