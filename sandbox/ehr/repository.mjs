// The FHIR store: Medplum's memory repository with access rules, validation, rollback and paging.
import { formatSearchQuery, notFound, OperationOutcomeError } from '@medplum/core';
import { MemoryRepository } from '@medplum/fhir-router';
import { FULL_ACCESS } from './access.mjs';
import { validate } from './validation.mjs';

/** Entries of a page where a search asks for no number. */
export const PAGE_SIZE = 100;

export class Repository extends MemoryRepository {
  #access = FULL_ACCESS;
  #turn = Promise.resolve();

  constructor(base) {
    super();
    this.base = base;
  }

  /**
   * Run one request with the rights of its token.
   *
   * Requests take turns: no request sees half a transaction of another, and a rollback
   * undoes nothing but its own writes.
   */
  runAs(access, request) {
    const run = async () => {
      this.#access = access;
      try {
        return await request();
      } finally {
        this.#access = FULL_ACCESS;
      }
    };
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** A stored resource without any check, or undefined. */
  find(type, id) {
    return this.resources.get(type)?.get(id);
  }

  async readResource(type, id) {
    this.#access.requireRead(type, id);
    return this.#visible(await super.readResource(type, id));
  }

  async readVersion(type, id, version) {
    await this.readResource(type, id);
    return super.readVersion(type, id, version);
  }

  searchSync(request) {
    this.#access.require('s', request.resourceType);
    const everything = super.searchSync({ ...request, offset: undefined, count: undefined });
    const visible = (everything.entry ?? []).filter((entry) => this.#access.canSee(entry.resource));
    const { offset = 0, count = PAGE_SIZE } = request;
    const page = visible.slice(offset, offset + count);
    return { ...everything, total: visible.length, entry: page.length ? page : undefined };
  }

  async search(request) {
    const bundle = await super.search(request);
    for (const entry of bundle.entry ?? []) {
      entry.fullUrl = `${this.base}/${entry.resource.resourceType}/${entry.resource.id}`;
      entry.search ??= { mode: 'match' };
    }
    return { ...bundle, link: this.#pageLinks(request, bundle.total) };
  }

  createResourceSync(resource, options, isUpdate = false) {
    if (!isUpdate) this.#access.require('c', resource.resourceType);
    this.#access.requireOwn(resource);
    validate(resource);
    return super.createResourceSync(resource, options, isUpdate);
  }

  async updateResource(resource, options) {
    this.#access.require('u', resource.resourceType);
    const stored = this.find(resource.resourceType, resource.id);
    if (stored) this.#visible(stored);
    else if (!this.#access.mayChooseIds) throw new OperationOutcomeError(notFound);
    return super.updateResource(resource, options);
  }

  async deleteResource(type, id, options) {
    this.#access.require('d', type);
    const stored = this.find(type, id);
    if (stored) this.#visible(stored);
    return super.deleteResource(type, id, options);
  }

  async withTransaction(work) {
    const resources = copyOf(this.resources, (byId) => new Map(byId));
    const history = copyOf(this.history, (byId) => copyOf(byId, (versions) => [...versions]));
    try {
      return await work(this);
    } catch (error) {
      this.resources = resources;
      this.history = history;
      throw error;
    }
  }

  #visible(resource) {
    if (!this.#access.canSee(resource)) throw new OperationOutcomeError(notFound);
    return resource;
  }

  #pageLinks(request, total) {
    const { offset = 0, count = PAGE_SIZE } = request;
    const link = (relation, at) => ({
      relation,
      url: `${this.base}/${request.resourceType}${formatSearchQuery({ ...request, offset: at, count })}`,
    });
    return [link('self', offset), ...(count && total > offset + count ? [link('next', offset + count)] : [])];
  }
}

function copyOf(map, copyValue) {
  return new Map([...map].map(([key, value]) => [key, copyValue(value)]));
}
