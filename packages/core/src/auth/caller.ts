import { DomainError, badInput } from '../errors/domain-error.ts'

/** The sender of a request, as identified by its access token. */
export type Caller =
  | { readonly role: 'ANONYMOUS' }
  | { readonly role: 'STORE'; readonly keyId: string; readonly storeId: number }
  | { readonly role: 'ANALYST'; readonly keyId: string; readonly storeId: number | undefined }
  | { readonly role: 'ADMIN'; readonly keyId: string }
  /** A page that anybody can read: may record events of its store, and nothing else. */
  | {
      readonly role: 'WRITER'
      readonly keyId: string
      readonly storeId: number
      /** Origins whose pages may use the key. */
      readonly origins: readonly string[]
      /** Types of events it records; empty: all. */
      readonly types: readonly string[]
    }
  /** One of our own services; limited to what services may request from each other. */
  | { readonly role: 'SERVICE'; readonly service: string }

export type SignedInCaller = Exclude<Caller, { role: 'ANONYMOUS' }>

export const anonymous: Caller = { role: 'ANONYMOUS' }

/** The store a caller is bound to, if any. */
export const storeOf = (caller: Caller): number | undefined =>
  'storeId' in caller ? caller.storeId : undefined

const refuse = (caller: Caller): DomainError =>
  new DomainError(caller.role === 'ANONYMOUS' ? 'UNAUTHENTICATED' : 'FORBIDDEN')

/**
 * The store whose users and raw events a caller reads or changes.
 *
 * @param storeId the store the caller named, if any
 * @throws UNAUTHENTICATED for anonymous callers, FORBIDDEN for analysts and for other stores, BAD_USER_INPUT
 *   when an admin names no store
 */
export function tenantOf(caller: Caller, storeId?: number | null, field = 'storeId'): number {
  switch (caller.role) {
    case 'STORE':
      if (storeId != null && storeId !== caller.storeId) throw refuse(caller)
      return caller.storeId
    case 'ADMIN':
      if (storeId == null) throw badInput(field, 'is required: an admin belongs to no store')
      return storeId
    case 'ANONYMOUS':
    case 'ANALYST':
    case 'WRITER':
    case 'SERVICE':
      throw refuse(caller)
  }
}

/**
 * The store for which a caller records events.
 *
 * @throws as {@link tenantOf}
 */
export function recordedTenantOf(caller: Caller, storeId?: number | null): number {
  if (caller.role !== 'WRITER') return tenantOf(caller, storeId)
  if (storeId != null && storeId !== caller.storeId) throw refuse(caller)
  return caller.storeId
}

/** The stores in which a caller may find users and events when none is named: one store, or (null) all. */
export function tenantsOf(caller: Caller): number | null {
  if (caller.role === 'ADMIN') return null
  return tenantOf(caller)
}

/** Whether a caller may read a store's personal data and raw events. */
export const mayReadTenant = (caller: Caller, storeId: number): boolean =>
  caller.role === 'ADMIN' || (caller.role === 'STORE' && caller.storeId === storeId)

/**
 * The store whose aggregates a caller reads, or null for all stores together.
 *
 * @throws UNAUTHENTICATED for anonymous callers, FORBIDDEN for other stores
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
    case 'ANONYMOUS':
    case 'WRITER':
    case 'SERVICE':
      throw refuse(caller)
  }
}

/** @throws UNAUTHENTICATED for anonymous callers, FORBIDDEN for all but admins */
export function requireAdmin(caller: Caller): asserts caller is Extract<Caller, { role: 'ADMIN' }> {
  if (caller.role !== 'ADMIN') throw refuse(caller)
}

/** @throws UNAUTHENTICATED for anonymous callers, FORBIDDEN for all but our own services */
export function requireService(caller: Caller): asserts caller is Extract<Caller, { role: 'SERVICE' }> {
  if (caller.role !== 'SERVICE') throw refuse(caller)
}

/**
 * The stores whose names a caller may list: one, or (null) all.
 *
 * @throws UNAUTHENTICATED for anonymous callers, FORBIDDEN for stores
 */
export function listableStores(caller: Caller): number | null {
  if (caller.role === 'ADMIN') return null
  if (caller.role === 'ANALYST') return caller.storeId ?? null
  throw refuse(caller)
}
