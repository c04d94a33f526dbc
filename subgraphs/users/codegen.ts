import { subgraphCodegen } from '../../codegen.preset.ts'

export default subgraphCodegen({
  User: '../src/modules/user/user.service.ts#UserRecord',
  Store: '../src/modules/store/store.service.ts#StoreRecord',
  OutboxCommand: '../src/modules/command/undelivered.service.ts#CommandRecord',
  Erasure: '../src/modules/erasure/erasure.types.ts#ErasureRecord',
  ApiKey: '../src/modules/api-key/api-key.service.ts#ApiKeyRecord',
})
