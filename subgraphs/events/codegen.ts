import { subgraphCodegen } from '../../codegen.preset.ts'

export default subgraphCodegen({
  ApplyErasurePayload: '../src/modules/deletion/progress.ts#Progress',
  Event: '../src/modules/event/event-row.ts#EventRow',
  User: '../src/modules/user/user.service.ts#UserRef',
  Store: '../src/modules/store/store.ts#StoreRef',
})
