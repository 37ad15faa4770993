--- Ghost text from a self-hosted completer, over LSP.
local M = {}

---@class completer.Keys keys in insert mode; `false` maps none
---@field accept? string|false
---@field accept_word? string|false
---@field accept_line? string|false
---@field next? string|false
---@field previous? string|false
---@field dismiss? string|false

---@class completer.Options
---@field cmd? string[] how to start the server
---@field filetypes? string[] where to start it (default: everywhere)
---@field disabled_in? string[] where nothing is completed: patterns as in .gitignore, `language:NAME`
---@field choices? integer alternatives to fetch when asked by hand
---@field after_deletion? boolean complete after text was deleted, too
---@field shown? 'always'|'asked' whether completions come by themselves, or only by the key `next`
---@field debounce_ms? integer how long the text has to stay as it is
---@field keys? completer.Keys|false
---@field next_edit? { shown?: 'always'|'asked', keys?: { take: string, dismiss: string, ask?: string } }|false
local defaults = {
  cmd = { 'completer', 'lsp' },
  filetypes = nil,
  disabled_in = {},
  choices = 3,
  after_deletion = true,
  shown = 'always',
  debounce_ms = 30,
  next_edit = {},
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-End>',
    next = '<M-]>',
    previous = '<M-[>',
    dismiss = '<C-]>',
  },
}

local ROOT_MARKERS = {
  { '.git', '.hg' },
  { 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml', 'CMakeLists.txt' },
}
local SIGNS = { Normal = '', Warning = ' !', Error = ' x', Inactive = ' off' }

---@class completer.Status what the server last said of itself
---@field busy boolean
---@field kind 'Normal'|'Warning'|'Error'|'Inactive'
---@field message string
M.status = { busy = false, kind = 'Inactive', message = '' }

--- The options of `setup`.
---@type completer.Options
M.options = defaults

local enabled = true

---@param bufnr? integer
---@return boolean whether completions are shown in a buffer
function M.is_enabled(bufnr)
  return enabled and vim.b[bufnr or 0].completer ~= false
end

--- Turn completions on or off in this session, or in one buffer (`vim.b.completer`).
---@param on boolean
---@param bufnr? integer
function M.enable(on, bufnr)
  if bufnr then
    vim.b[bufnr].completer = on
  else
    enabled = on
  end
  if not on then
    require('completer.ghost').left()
  end
  vim.cmd.redrawstatus()
end

---@param bufnr? integer
function M.toggle(bufnr)
  if bufnr then
    M.enable(vim.b[bufnr].completer == false, bufnr)
  else
    M.enable(not enabled)
  end
end

---@return vim.lsp.Client?
function M.client()
  return vim.lsp.get_clients({ name = 'completer' })[1]
end

--- For a status line: `completer`, with what is worth telling; empty without a server.
---@return string
function M.statusline()
  if not M.client() then
    return ''
  end
  local kind = M.is_enabled() and M.status.kind or 'Inactive'
  return 'completer' .. (SIGNS[kind] or '') .. (M.status.busy and ' …' or '')
end

--- Accept the completion, or its next word or line; false if there is none, for other plugins' keys.
---@param part? 'all'|'word'|'line'
---@return boolean
function M.accept(part)
  return require('completer.ghost').accept(part)
end

--- Do what a key did before: what a mapping says, or its own meaning.
---@param key string
---@param before table the mapping, as `maparg` returns it
function M.fall_back(key, before)
  local keys, mode = before.rhs or key, 'in'
  if before.callback then
    keys = before.callback()
  elseif before.expr == 1 then
    keys = vim.api.nvim_eval(before.rhs)
  elseif before.rhs and before.noremap == 0 then
    mode = 'im'
  end
  if keys and (before.expr == 1 or not before.callback) then
    vim.api.nvim_feedkeys(vim.keycode(keys), mode, false)
  end
end

---@param key string|false|nil
---@param action fun(): boolean whether it was for us
---@param description string
local function map(key, action, description)
  if not key then
    return
  end
  local before = vim.fn.maparg(key, 'i', false, true)
  vim.keymap.set('i', key, function()
    if not action() then
      M.fall_back(key, before)
    end
  end, { desc = 'completer: ' .. description })
end

---@param keys completer.Keys|false
local function map_keys(keys)
  if not keys then
    return
  end
  local ghost = require('completer.ghost')
  local function cycle(step)
    return function()
      ghost.cycle(step)
      return true
    end
  end
  for part, key in pairs({ all = keys.accept, word = keys.accept_word, line = keys.accept_line }) do
    map(key, function()
      return ghost.accept(part)
    end, 'accept ' .. part)
  end
  map(keys.next, cycle(1), 'next alternative')
  map(keys.previous, cycle(-1), 'previous alternative')
  map(keys.dismiss, ghost.dismiss, 'dismiss')
end

---@param options? completer.Options
function M.setup(options)
  if vim.fn.has('nvim-0.11') == 0 then
    vim.notify('completer needs Neovim 0.11 or newer', vim.log.levels.ERROR)
    return
  end
  M.options = vim.tbl_deep_extend('force', defaults, options or {})
  vim.g.completer_is_set_up = true
  vim.lsp.config('completer', {
    cmd = M.options.cmd,
    filetypes = M.options.filetypes,
    root_markers = ROOT_MARKERS,
    flags = { debounce_text_changes = 0 }, -- gathered changes look like lost ones
    capabilities = { textDocument = { inlineCompletion = { dynamicRegistration = false } } },
    init_options = {
      choices = M.options.choices,
      afterDeletion = M.options.after_deletion,
      disabledIn = M.options.disabled_in,
    },
    handlers = {
      didChangeStatus = function(_, status)
        M.status = status
        vim.cmd.redrawstatus()
      end,
    },
    on_attach = function(client)
      if vim.lsp.inline_completion then -- Neovim's own would show the same text once more
        vim.lsp.inline_completion.enable(false, { client_id = client.id })
      end
    end,
    on_exit = function(code)
      M.status = { busy = false, kind = 'Inactive', message = 'the server has ended' }
      if code ~= 0 then
        vim.schedule(function()
          vim.notify('completer has ended: see :Completer log, or :Completer restart', vim.log.levels.WARN)
        end)
      end
    end,
  })
  require('completer.ghost').setup(M.options)
  map_keys(M.options.keys)
  if M.options.next_edit then
    require('completer.next_edit').setup(M.options.next_edit)
  end
  vim.lsp.enable('completer')
end

return M
