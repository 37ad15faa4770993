--- `:Completer ACTION`: what each action does.
local M = {}

local function tell(message, level)
  vim.notify('completer: ' .. message, level or vim.log.levels.INFO)
end

--- The program that serves, such as `.venv/bin/completer`.
---@return string
local function program()
  return require('completer').options.cmd[1]
end

--- Run a command of the program and hand its output to `done`, or say why there is none.
---@param arguments string[]
---@param done fun(output: string)
local function run(arguments, done)
  local command = vim.list_extend({ program() }, arguments)
  local ok = pcall(vim.system, command, { text = true }, vim.schedule_wrap(function(result)
    if result.code == 0 then
      done(result.stdout)
    elseif result.code == 2 and result.stderr:find('No such command', 1, true) then
      tell(('this version of %s has no `%s`; update it'):format(program(), arguments[1]), vim.log.levels.WARN)
    else
      tell(vim.trim(result.stderr .. result.stdout), vim.log.levels.ERROR)
    end
  end))
  if not ok then
    tell(program() .. ' cannot be started; set `cmd` in setup()', vim.log.levels.ERROR)
  end
end

---@param output string
local function show(output)
  vim.cmd.new()
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(vim.trim(output), '\n'))
  vim.bo.modifiable = false
end

--- Ask the server to run one of its commands.
---@param command string
---@param arguments any[]
---@param done fun(result: any)
local function ask(command, arguments, done)
  local client = require('completer').client()
  if not client then
    return tell('no server runs; open a file, and see :checkhealth completer', vim.log.levels.WARN)
  end
  client:request('workspace/executeCommand', { command = command, arguments = arguments }, function(err, result)
    if err then
      return tell(err.message, vim.log.levels.ERROR)
    end
    done(result)
  end)
end

--- Put an entry into the list of where nothing is completed, or take it out, for good.
---@param entry string
local function toggle_for_good(entry)
  ask('completer.disabled', {}, function(entries)
    local on = not vim.list_contains(entries, entry)
    ask('completer.setDisabled', { entry, on }, function()
      require('completer.ghost').left()
      tell(('completions are %s for %s, for good'):format(on and 'off' or 'on', entry))
    end)
  end)
end

local function restart_client()
  vim.lsp.enable('completer', false)
  vim.defer_fn(function()
    vim.lsp.enable('completer')
  end, 500)
end

---@param status string what `completer status` printed
local function tell_status(status)
  local known = require('completer').status
  local lines = { ('%s%s'):format(known.kind, known.message == '' and '' or ': ' .. known.message), vim.trim(status) }
  if not require('completer').is_enabled() then
    table.insert(lines, 1, 'switched off here; :Completer enable')
  end
  tell(table.concat(lines, '\n'))
end

--- Each is called with what follows it on the command line.
---@type table<string, fun(argument?: string)>
M.actions = {
  enable = function()
    require('completer').enable(true)
    vim.b.completer = nil
  end,
  disable = function()
    require('completer').enable(false)
  end,
  --- Without an argument: this session. `buffer`; `language`, `*.env` and the like: for good.
  toggle = function(argument)
    if argument == 'language' then
      toggle_for_good('language:' .. vim.bo.filetype)
    elseif argument and argument ~= 'buffer' then
      toggle_for_good(argument)
    else
      require('completer').toggle(argument and vim.api.nvim_get_current_buf())
    end
  end,
  status = function()
    tell_status('')
    run({ 'status' }, tell_status)
  end,
  why = function()
    if not require('completer').is_enabled() then
      return tell('switched off in this session or buffer; :Completer enable')
    end
    ask('completer.why', { vim.uri_from_bufnr(0) }, function(reason)
      tell(reason)
    end)
  end,
  log = function()
    run({ 'logs' }, show)
  end,
  report = function()
    run({ 'report' }, show)
  end,
  restart = function()
    run({ 'restart' }, function() end)
    restart_client()
  end,
  stop = function()
    vim.lsp.enable('completer', false)
  end,
}

local TOGGLES = { 'buffer', 'language', '*.env' }

---@param words string[]
function M.run(words)
  local action = M.actions[words[1]]
  if action then
    action(words[2])
  else
    tell('no such action: ' .. (words[1] or ''), vim.log.levels.ERROR)
  end
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local choices = line:match('^%s*%S+%s+toggle%s') and TOGGLES or vim.tbl_keys(M.actions)
  table.sort(choices)
  return vim.tbl_filter(function(each)
    return vim.startswith(each, lead)
  end, choices)
end

return M
