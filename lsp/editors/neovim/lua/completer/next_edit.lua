--- The next edit: shown beside its line after an edit, reached and then taken with one key.
local M = {}

local api = vim.api
local METHOD = 'completer/nextEdit'
local namespace = api.nvim_create_namespace('completer_next_edit')
local group = 'completer_next_edit'

---@class completer.NextEdit as the server sent it
---@field text string
---@field oldText string
---@field range table
---@field textDocument { uri: string, version?: integer }
---@field command table

---@type { edit: completer.NextEdit, bufnr: integer, tick: integer, row: integer, encoding: string, client: vim.lsp.Client }?
local shown
---@type { client: vim.lsp.Client, id: integer }?
local pending
---@type uv.uv_timer_t?
local timer
--- Those that a person did not want, by what they are.
local dismissed = {}
local debounce_ms = 300

local function identity(edit)
  return table.concat({ edit.textDocument.uri, edit.oldText, edit.text }, '\0')
end

--- What the change is, in one line.
---@param edit completer.NextEdit
---@return string
local function described(edit)
  local old, new = edit.oldText:gsub('\n%s*', ' '), edit.text:gsub('\n%s*', ' ')
  return old == '' and ('+ ' .. new) or new == '' and ('- ' .. old) or (old .. ' → ' .. new)
end

function M.hide()
  shown = nil
  for _, bufnr in ipairs(api.nvim_list_bufs()) do
    api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

--- Show an edit beside its line; one of another file beside the caret's, with the file's name.
---@param edit completer.NextEdit
---@param client vim.lsp.Client
local function show(edit, client)
  M.hide()
  local bufnr = api.nvim_get_current_buf()
  local caret = api.nvim_win_get_cursor(0)[1] - 1
  local here = vim.uri_to_bufnr(edit.textDocument.uri) == bufnr
  local row = here and edit.range.start.line or caret
  local label = described(edit)
  if not here then
    local name = vim.fn.fnamemodify(vim.uri_to_fname(edit.textDocument.uri), ':~:.')
    label = ('%s:%d  %s'):format(name, edit.range.start.line + 1, label)
  end
  shown = {
    edit = edit,
    bufnr = bufnr,
    tick = vim.b[bufnr].changedtick,
    row = edit.range.start.line,
    encoding = client.offset_encoding,
    client = client,
  }
  api.nvim_buf_set_extmark(bufnr, namespace, row, 0, {
    virt_text = { { '  ⇥ ' .. label, 'CompleterHint' } },
    virt_text_pos = 'eol',
    priority = 11,
  })
  client:notify('textDocument/didShowInlineEdit', { item = { command = edit.command } })
end

local function cancel()
  if timer then
    timer:stop()
  end
  if pending then
    pending.client:cancel_request(pending.id)
    pending = nil
  end
end

--- Ask for the next edit, and show the first that was not dismissed.
---@param by_hand? boolean what a person asks for comes however sure a model is
function M.request(by_hand)
  cancel()
  local bufnr = api.nvim_get_current_buf()
  local client = vim.lsp.get_clients({ name = 'completer', bufnr = bufnr })[1]
  if not client or not require('completer').is_enabled(bufnr) then
    return
  end
  local tick = vim.b[bufnr].changedtick
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = by_hand and 1 or 2 }
  local _, id = client:request(METHOD, params, function(_, result)
    pending = nil
    if bufnr ~= api.nvim_get_current_buf() or tick ~= vim.b[bufnr].changedtick then
      return
    end
    for _, edit in ipairs(result and result.edits or {}) do
      if not dismissed[identity(edit)] then
        return show(edit, client)
      end
    end
  end, bufnr)
  pending = id and { client = client, id = id } or nil
end

local function request_soon()
  cancel()
  timer = timer or vim.uv.new_timer()
  timer:start(debounce_ms, 0, vim.schedule_wrap(M.request))
end

local function is_current()
  return shown and shown.bufnr == api.nvim_get_current_buf() and shown.tick == vim.b.changedtick
end

--- Jump to the next edit, or make it if the caret is in its line already.
---@return boolean whether there was one
function M.take()
  if not is_current() then
    return false
  end
  local next_edit = shown --[[@as table]]
  local edit, bufnr = next_edit.edit, vim.uri_to_bufnr(next_edit.edit.textDocument.uri)
  local there = bufnr == next_edit.bufnr and api.nvim_win_get_cursor(0)[1] - 1 == next_edit.row
  vim.schedule(function()
    if there then
      M.accept(edit, bufnr, next_edit.encoding)
    else
      M.jump(edit, next_edit.encoding)
    end
  end)
  return true
end

---@param edit completer.NextEdit
---@param encoding string
function M.jump(edit, encoding)
  vim.lsp.util.show_document(
    { uri = edit.textDocument.uri, range = edit.range }, encoding, { focus = true, reuse_win = true })
  request_soon()
end

---@param edit completer.NextEdit
---@param bufnr integer
---@param encoding string
function M.accept(edit, bufnr, encoding)
  M.hide()
  local change = { range = edit.range, newText = edit.text }
  vim.lsp.util.apply_text_edits({ change }, bufnr, encoding)
  local client = vim.lsp.get_clients({ name = 'completer', bufnr = bufnr })[1]
  if client then
    client:request('workspace/executeCommand',
      { command = edit.command.command, arguments = edit.command.arguments }, function() end)
  end
  request_soon()
end

--- Hide the next edit, and offer the same no more until the text has another one.
---@return boolean whether there was one
function M.dismiss()
  if not is_current() then
    return false
  end
  dismissed[identity(shown.edit)] = true
  local item = { command = shown.edit.command }
  shown.client:notify('textDocument/didHideCompletion', { item = item, reason = 'esc' })
  M.hide()
  return true
end

--- Take and dismiss with these keys in normal mode; where there is no edit they mean what they did.
---@param keys { take: string, dismiss: string }
local function map_keys(keys)
  for key, action in pairs({ [keys.take] = M.take, [keys.dismiss] = M.dismiss }) do
    local before = vim.fn.maparg(key, 'n', false, true)
    vim.keymap.set('n', key, function()
      if not action() then
        require('completer').fall_back(key, before)
      end
    end, { desc = 'completer: next edit' })
  end
end

--- Follow what is edited in all buffers, unless edits are only shown when asked for.
---@param options { shown?: 'always'|'asked', keys?: { take: string, dismiss: string, ask?: string } }
function M.setup(options)
  api.nvim_create_augroup(group, {})
  local keys = options.keys or { take = '<Tab>', dismiss = '<Esc>', ask = '<M-n>' }
  map_keys(keys)
  if keys.ask then
    vim.keymap.set('n', keys.ask, function()
      M.request(true)
    end, { desc = 'completer: show the next edit' })
  end
  if options.shown ~= 'asked' then
    api.nvim_create_autocmd({ 'TextChanged', 'InsertLeave' }, { group = group, callback = request_soon })
  end
  api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI', 'InsertEnter', 'BufLeave' }, {
    group = group,
    callback = M.hide,
  })
end

return M
