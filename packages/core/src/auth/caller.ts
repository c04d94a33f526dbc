import { DomainError, badInput } from '../errors/domain-error.ts'

/** Who sent a request, as its access token says. */
export type Caller =
  | { readonly role: 'NOBODY' }
  | { readonly role: 'STORE'; readonly keyId: string; readonly storeId: number }
  | { readonly role: 'ANALYST'; readonly keyId: string; readonly storeId: number | undefined }
  | { readonly role: 'ADMIN'; readonly keyId: string }
  /** One of our own services; does only what services tell each other. */
  | { readonly role: 'SERVICE'; readonly service: string }

export type SignedInCaller = Exclude<Caller, { role: 'NOBODY' }>

export const nobody: Caller = { role: 'NOBODY' }

/** The store a caller is tied to, if any. */
export const storeOf = (caller: Caller): number | undefined =>
  caller.role === 'STORE' || caller.role === 'ANALYST' ? caller.storeId : undefined

const refuse = (caller: Caller): DomainError =>
  new DomainError(caller.role === 'NOBODY' ? 'UNAUTHENTICATED' : 'FORBIDDEN')

/**
 * The store whose users and raw events a caller works on.
 *
 * @param storeId the store the caller names, if it does
 * @throws UNAUTHENTICATED for nobody, FORBIDDEN for analysts and for the other store,
 *   BAD_USER_INPUT when an admin names none
 */
export function tenantOf(caller: Caller, storeId?: number | null, field = 'storeId'): number {
  switch (caller.role) {
    case 'STORE':
      if (storeId != null && storeId !== caller.storeId) throw refuse(caller)
      return caller.storeId
    case 'ADMIN':
      if (storeId == null) throw badInput(field, 'is required: an admin belongs to no store')
      return storeId
    case 'NOBODY':
    case 'ANALYST':
    case 'SERVICE':
      throw refuse(caller)
  }
}

/** Where a caller may look for users and events when no store is named: one store, or (null) any. */
export function tenantsOf(caller: Caller): number | null {
  if (caller.role === 'ADMIN') return null
  return tenantOf(caller)
}

/** Whether what belongs to a store may be shown to a caller as personal data or raw events. */
export const mayReadTenant = (caller: Caller, storeId: number): boolean =>
  caller.role === 'ADMIN' || (caller.role === 'STORE' && caller.storeId === storeId)

/**
 * The store whose aggregates a caller reads, or null for all stores together.
 *
 * @throws UNAUTHENTICATED for nobody, FORBIDDEN for the other store
 */
export function aggregateScope(caller: Caller, storeId?: number | null): number | null {
  switch (caller.role) {
    case 'STORE':
      return tenantOf(caller, storeId)
    case 'ANALYST':
      if (caller.storeId === undefined) return storeId ?? null
      if (storeId != null && storeId !== caller.storeId) throw refuse(caller)
      return caller.storeId
    case 'ADMIN':
      return storeId ?? null
    case 'NOBODY':
    case 'SERVICE':
      throw refuse(caller)
  }
}

/** @throws UNAUTHENTICATED for nobody, FORBIDDEN for all but admins */
export function requireAdmin(caller: Caller): asserts caller is Extract<Caller, { role: 'ADMIN' }> {
  if (caller.role !== 'ADMIN') throw refuse(caller)
}

/** @throws UNAUTHENTICATED for nobody, FORBIDDEN for all but our own services */
export function requireService(caller: Caller): asserts caller is Extract<Caller, { role: 'SERVICE' }> {
  if (caller.role !== 'SERVICE') throw refuse(caller)
}

/**
 * The stores whose names a caller may list: one, or (null) all.
 *
 * @throws UNAUTHENTICATED for nobody, FORBIDDEN for stores
 */
export function listableStores(caller: Caller): number | null {
  if (caller.role === 'ADMIN') return null
  if (caller.role === 'ANALYST') return caller.storeId ?? null
  throw refuse(caller)
}
