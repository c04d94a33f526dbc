import { useState } from 'react'
import { Button } from '../ui/button.tsx'
import ui from '../ui/ui.module.css'

interface Props {
  readonly name: string
  readonly secret: string
  readonly onClose: () => void
}

/** A new key, shown this once. */
export function Secret({ name, secret, onClose }: Props) {
  const [copied, setCopied] = useState(false)
  return (
    <div className={ui['bar']} role="status">
      <p>
        The key of <strong>{name}</strong>. Copy it now: it is not shown again.
      </p>
      <code className={ui['code']}>{secret}</code>
      <div className={ui['row']}>
        <Button
          look="primary"
          onClick={() =>
            void navigator.clipboard.writeText(secret).then(() => {
              setCopied(true)
            })
          }
        >
          {copied ? 'Copied' : 'Copy key'}
        </Button>
        <Button onClick={onClose}>Done</Button>
      </div>
    </div>
  )
}
