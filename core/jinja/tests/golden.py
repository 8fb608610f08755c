"""Writes golden.json: what transformers renders for small templates of our own, one feature each.

    pip install transformers && python golden.py

Each case is [template, text] or, where transformers fails, [template, null].
"""

import json
from pathlib import Path

from transformers.utils.chat_template_utils import _compile_jinja_template

MESSAGES = [
    {"role": "system", "content": " Be brief.\n"},
    {"role": "user", "content": "Grüße <b> & 'q' \"d\"\n漢字 😀"},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nyes", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"z": 1.0, "a": [1, True, None]}}}
    ]},
    {"role": "tool", "name": "f", "content": "42"},
]
VARIABLES = {
    "messages": MESSAGES, "tools": None, "documents": None, "add_generation_prompt": True,
    "bos_token": "<s>", "eos_token": "</s>",
}

LOOP, END = "{% for m in messages %}", "{% endfor %}"
TEMPLATES = [
    # Loops.
    LOOP + "{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}"
    "{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};" + END,
    LOOP + "{{ loop.previtem.role }}<{{ m.role }}<{{ loop.nextitem.role if loop.nextitem else '-' }};" + END,
    LOOP + "{{ loop.previtem.role.x }}" + END,
    LOOP + "{{ loop.cycle('a', 'b', 'c') }}{{ loop.changed(m.role == 'user') }}" + END,
    LOOP + "{% if loop.index == 2 %}{% continue %}{% elif loop.index == 4 %}{% break %}{% endif %}{{ m.role }}" + END,
    "{% for m in messages if m.role != 'tool' %}{{ loop.index }}/{{ loop.length }}{% else %}none{% endfor %}",
    "{% for m in messages if false %}x{% else %}none{{ loop is defined }}{% endfor %}",
    "{% for n in [[1, [2, [3]]], [4]] recursive %}{{ loop.depth }}{% if n is iterable %}({{ loop(n) }}){% else %}"
    "{{ n }}{% endif %}{% endfor %}",
    "{% for a in [1] %}{{ loop([2]) }}{% endfor %}",
    "{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
    "{% for k in {'b': 1, 'a': 2} %}{{ k }}{% endfor %}{% for c in 'añ' %}[{{ c }}]{% endfor %}",
    "{% for x in nothing %}x{% else %}e{% endfor %}{% for x in none %}{% endfor %}",
    "{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(6, 0, -2) %}{{ i }}{% endfor %}{{ range(3)|length }}",
    "{% for i in [1, 2] %}{{ i }}{% break %}{% else %}e{% endfor %}{% for i in [1] %}{% continue %}{% else %}c{% endfor %}",
    "{% for i in [1, 2] %}{{ i }}{% if i == 2 %}{% break %}{% endif %}{% else %}e{% endfor %}",
    "{% set q = none %}{{ q[1:] }}", "{% set q = {} %}{{ q[1:] }}", "{% set q = [1, 2] %}{{ q['a':] }}", "{{ nothing[1:] }}",
    "{{ range(100001) }}", "{% break %}", "{% for a in [1] %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    # Scopes.
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(n=0, l=[]) %}" + LOOP + "{% set ns.n = ns.n + 1 %}{% set ns.l = ns.l + [m.role[0]] %}" + END
    + "{{ ns.n }}{{ ns.l }}{{ ns.nope is defined }}{{ ns['n'] }}",
    "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}", "{% set ns = namespace(_a=1) %}",
    "{% set x = 1 %}{% set x.y = 2 %}", "{% if true %}{% set y = 3 %}{% endif %}{{ y }}",
    "{% with a = 1, b = a %}{{ a }}{{ b }}{% set c = 5 %}{% endwith %}{{ a }}{{ c }}",
    "{% set a, b = 'x', 2 %}{{ b }}{{ a }}", "{% set (a, b) = [1, 2] %}{{ a }}", "{% set true = 1 %}",
    "{% set x %}  b{{ 1 }} {% endset %}[{{ x }}]", "{% set x | upper | trim %} ab {% endset %}[{{ x }}]",
    "{% filter upper | replace('A', 'o') %}a{{ 'b' }}{% endfilter %}",
    # Macros.
    "{% macro f(a, b='!', c=b) -%}[{{ a }}{{ b }}{{ c }}]{%- endmacro %}{{ f(1) }}{{ f(1, 2) }}{{ f(b=3, a=4) }}",
    "{% macro f(a) %}{{ a }}{{ a is defined }}{% endmacro %}{{ f() }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{% endmacro %}{{ f(b=2) }}", "{% macro f(a=1, b) %}{% endmacro %}",
    "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, x=2) }}{{ f(*[3], **{'y': 4}) }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}",
    "{% macro w(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call w('b') %}in{{ 1 }}{% endcall %}",
    "{% macro w() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) w() %}{{ a }}-{{ b }}{% endcall %}",
    "{% macro w() %}{{ caller is defined }}{% endmacro %}{{ w() }}{% call w() %}{% endcall %}",
    "{% set x = 1 %}{% macro f() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ f() }}",
    "{% macro f() %}{% set y = 1 %}{% endmacro %}{{ f() }}{{ y is defined }}",
    # Tags of transformers, and what it lacks.
    LOOP + "{% generation %}{{ m.role }}{% set q = 1 %}{% endgeneration %}{{ q is defined }}" + END,
    "{%- generation -%} a {%- endgeneration -%} b", "{{ strftime_now is defined }}{{ strftime_now('%%') }}",
    "{{ raise_exception('no') }}", "{% do 1 %}", "{% include 'a' %}", "{% unknown %}", "{{ lipsum is defined }}",
    "{{ tools is defined }}{{ tools is none }}{{ documents is none }}{{ pad_token is defined }}{{ pad_token }}",
    "{% if tools %}a{% elif messages %}b{% else %}c{% endif %}{% if not (tools or 0) %}d{% endif %}",
    # White space.
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a  {%- if true -%}  b  {%- endif %}  c", "  {%+ if true %}x{% endif +%}\n y",
    "{{ 'x' }}\n{{ 'y' }}\n\n", "{# c #}\n  {#- d -#}  e\n", "a\r\n{% if true %}\r\nb\r\n{% endif %}\rc\r\n",
    "{% raw %}{{ x }}{% if %}{% endraw %}|{%- raw -%} {{ y }} {%- endraw -%} z", "{% raw %} x", "{{ '{{' }}{{ \"}}\" }}{{ '%}' }}",
    "  {{- ' a ' -}}  b", "x {{+ 1 }} y", "\t{% set a = 1 %}\n\t{{ a }}", "{{ 1 }}}}", "{", "{{ 1", "{% if 1 %}", "{#",
    # Texts.
    r"""{{ 'a\tb\n\\ \' \" \x41 \u00e9 \U0001F600 \101 \d' }}""", "{{ 'a' 'b' \"c\" }}", "{{ 'a\nb' }}", r"{{ '\x4' }}",
    "{{ 'it\\'s' }}{{ ['it\\'s', '\"', 'b\\n\\x00\\u200b'] }}", "{{ 'äöü'|length }}{{ 'äöü'[1] }}{{ 'äöü'[-1] }}{{ 'abc'[::-1] }}",
    "{{ 'a,b,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ 'a'.split('') }}",
    "{{ messages[2].content.split('</think>')[-1].lstrip('\\n') }}|{{ messages[0].content.strip() }}|{{ 'xxaxx'.strip('x') }}",
    "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'bc')) }}{{ 'abc'.startswith('b', 1) }}{{ 'abc'.find('c') }}{{ 'abc'.find('x') }}",
    "{{ 'abc'.index('x') }}", "{{ 'aXbX'.count('X') }}{{ 'aXb'.partition('X') }}{{ 'ab'.rpartition('X') }}{{ 'a\\nb\\r\\nc'.splitlines() }}",
    "{{ 'aBc dE'.upper() }}{{ 'aBc dE'.lower() }}{{ 'aBc dE'.title() }}{{ 'aBc dE'.capitalize() }}{{ 'aBc'.swapcase() }}",
    "{{ 'abc'.replace('b', 'X') }}{{ 'aaa'.replace('a', 'b', 2) }}{{ 'ab'.replace('', '-') }}{{ '-'.join(['a', 'b']) }}{{ '-'.join([1]) }}",
    "{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}{{ 'a'.center(4) }}{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3) }}{{ '-4'.zfill(4) }}",
    "{{ '12'.isdigit() }}{{ 'ab'.isalpha() }}{{ ''.isalnum() }}{{ ' '.isspace() }}{{ 'Ab'.istitle() }}{{ 'ab'.islower() }}{{ '1'.isupper() }}",
    "{{ 'a'.nope() }}", "{{ 'a'.nope is defined }}{{ 'a'.upper is callable }}", "{{ '%s has %d, %.2f%%' % ('x', 3, 2.5) }}{{ '%5d|%-4s|%04d' % (1, 'a', -2) }}",
    "{{ '%(a)s' % {'a': 1} }}{{ '%s' % none }}{{ '%r' % 'a' }}{{ '%x %o %e %g' % (255, 8, 1234.5, 0.0001) }}", "{{ '%d' % 'a' }}", "{{ '%s' % (1, 2) }}",
    "{{ '{} {1}'.format(1, 2) }}", "{{ '{} {} {a}'.format(1, 'b', a=none) }}{{ '{0}{0}'.format('x') }}{{ '{:>5}|{:<4}|{:^5}'.format(1, 'a', 'b') }}",
    "{{ '{:,} {:.2f} {:05d} {:+} {:%} {:x}'.format(1234567, 2.345, 42, 3, 0.5, 255) }}{{ '{{}}'.format() }}{{ '{a.b[c]}'.format(a={'b': {'c': 1}}) }}",
    "{{ 'a' ~ none ~ 1 ~ 1.0 ~ true ~ [1] ~ nothing }}", "{{ 'a' + 1 }}", "{{ 'ab' * 3 }}{{ [0] * 2 }}{{ 'a' * -1 }}", "{{ '<' | e }}{{ ('<' | safe) + '<' }}{{ ('<' | e) ~ '<' }}",
    # Numbers.
    "{{ 1.0 }}{{ 2.50 }}{{ 1e16 }}{{ 1e15 }}{{ 1e-4 }}{{ 1e-5 }}{{ 1e-07 }}{{ -0.0 }}{{ 0.1 + 0.2 }}{{ 1e22 }}{{ 100000.0 }}{{ 5e-324 }}",
    "{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % 3 }}{{ -7 % 3 }}{{ 7 / 2 }}{{ 4 / 2 }}{{ 2 ** 3 }}{{ 2 ** -1 }}{{ 2 ** 3 ** 2 }}{{ -2 ** 2 }}{{ 7.5 // 2 }}{{ -7.5 % 2 }}",
    "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ true + true }}{{ 1 == true }}{{ 1 == 1.0 }}{{ 1_000 }}{{ 0x1f }}{{ 0b11 }}{{ 0o17 }}{{ 1.5e3 }}{{ 1_0.2_5 }}",
    "{{ 3.7 | int }}{{ '5' | int + 1 }}{{ 'x' | int(7) }}{{ '1f' | int(0, 16) }}{{ ' 1_0 ' | int }}{{ '2.5' | float }}{{ none | int }}{{ 'inf' | float }}",
    "{{ 3.14159 | round(2) }}{{ 2.5 | round }}{{ 3.5 | round }}{{ 0.125 | round(2) }}{{ 3 | round }}{{ 2.1 | round(0, 'ceil') }}{{ -3 | abs }}{{ 42.55 | round(1, 'floor') }}",
    "{{ [1, 2.5] | sum }}{{ [3, 1, 2] | max }}{{ [3, 1, 2] | min }}{{ [] | max }}{{ [[1], [2]] | sum(start=[]) }}{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 < 'a' }}",
    # Lists and dictionaries.
    "{{ ['a', 1, none, true, 1.5, ('x',), {}, {'k': 'v', 2: [3]}, ()] }}", "{{ [1, 2, 3][1:] }}{{ [1, 2, 3][::-1] }}{{ (1, 2)[0] }}{{ [1][5] }}{{ [1][5].x }}",
    "{{ {'a': 1, 'a': 2}.a }}{{ {'items': 1}['items'] }}{{ {'items': 1}.items() | list }}{{ {1: 'x'}[1] }}{{ {'a': none}.a is none }}", "{{ {[1]: 2} }}",
    "{{ {'b': 1}.get('x', 'd') }}{{ {'b': 1}.get('x') }}{{ {'b': 1}.keys() | list }}{{ {'b': 1}.values() | list }}{{ {'b': 1}.keys() }}{{ {'b': 1}.copy() }}",
    "{{ 'b' in {'b': 1} }}{{ 1 in [1.0] }}{{ 'a' in 'abc' }}{{ 'a' not in 'bcd' }}{{ 1 in (2,) }}{{ 'a' in nothing }}{{ [1] == [1.0] }}{{ (1,) == [1] }}", "{{ 1 in 'a' }}", "{{ 1 in none }}",
    "{% set l = [1] %}{{ l.append(2) }}", "{% set d = {} %}{{ d.update({'a': 1}) }}", "{% set d = {} %}{{ d.update is defined }}", "{{ ['a', 'b'].index('b') }}{{ [1, 2, 1].count(1) }}{{ ['a'].index('x') }}",
    "{{ [1, 2] + [3] }}{{ (1,) + (2,) }}{{ [1] + (2,) }}", "{{ [3, 1, 2] | sort }}{{ ['b', 'A', 'c'] | sort }}{{ ['b', 'A'] | sort(case_sensitive=true) }}{{ [1, 2] | sort(reverse=true) }}", "{{ [1, 'a'] | sort }}",
    "{{ messages | map(attribute='role') | join(', ') }}{{ messages | map(attribute='name', default='-') | join }}{{ ['a'] | map('upper') | list }}{{ [[1]] | map(attribute=0) | list }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | rejectattr('name', 'defined') | map(attribute='role') | list }}{{ [0, 1, 2] | select | list }}{{ [1, 2, 3] | reject('odd') | list }}",
    "{{ messages | selectattr('role') | length }}", "{% if messages | selectattr('x') %}true{% endif %}", "{% set g = [1, 2] | map('string') %}{{ g | list }}{{ g | list }}", "{{ [1, 2] | map('string') | first }}{{ [] | first }}{{ 'ab' | last }}{{ [1] | reverse | list }}{{ 'ab' | reverse }}",
    "{{ [1, 1, 2] | unique | list }}{{ ['a', 'A'] | unique | join }}{{ [1, 2, 3] | batch(2) | list }}{{ [1, 2, 3] | batch(2, 0) | list }}{{ [1, 2, 3] | slice(2) | list }}{{ [1, 2, 3] | slice(2, 0) | list }}",
    "{% for k, v in {'b': 1, 'A': 2, 'a': 3} | dictsort %}{{ k }}{{ v }}{% endfor %}{% for k, v in {'b': 1, 'a': 0} | dictsort(by='value') %}{{ k }}{% endfor %}{% for k, v in {'x': 1} | items %}{{ k }}{{ v }}{% endfor %}{{ nothing | items | list }}",
    "{% for r, g in messages | groupby('role') %}{{ r }}{{ g | length }}{% endfor %}{% for g in messages | groupby('role') %}{{ g.grouper }}{{ g.list | length }}{% endfor %}",
    # Filters.
    "{{ none | default('d') }}{{ nothing | default('d') }}{{ '' | default('e', true) }}{{ nothing | d }}", "{{ 'a\nb' | indent(2) }}|{{ 'a\n\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent('> ', blank=true) }}",
    "{{ 'hello world foo' | truncate(9) }}{{ 'hello world' | truncate(8, true) }}{{ 'a b-c' | title }}{{ 'aBC' | capitalize }}{{ 'a b c' | wordcount }}{{ 'a b c d' | wordwrap(3) }}",
    "{{ 'x y/ä' | urlencode }}{{ {'a b': 1} | urlencode }}{{ '<b>t</b>  u' | striptags }}{{ {'a': '<', 'b': none} | xmlattr }}{{ 1000000 | filesizeformat }}{{ 'a' | center(5) }}|", "{{ 'abc' | replace('b', 'x') | upper | trim('A') }}",
    "{{ 1 | nope }}", "{{ 1 | nope if false else 2 }}", "{% if false %}{{ 1 | nope }}{% endif %}ok", "{% if true %}{{ 1 | nope }}{% endif %}", "{{ 1 is nope }}", "{{ 'upper' is filter }}{{ 'nope' is filter }}{{ 'odd' is test }}",
    "{{ [1, 2] | join(', ', attribute='x') }}{{ [1, none] | join('-') }}{{ 'a' | string | length }}{{ 5 | string }}{{ [1] | string }}{{ 'a' | list }}{{ [1, 2] | pprint }}{{ [3] | random }}",
    # JSON.
    "{{ messages | tojson }}", "{{ messages[2] | tojson(indent=2) }}", "{{ {'a': [], 'b': {}, 'c': [1]} | tojson(indent=4) }}", "{{ messages[1].content | tojson(ensure_ascii=True) }}", "{{ {'b': 1, 'a': [1, 2]} | tojson(separators=(',', ':')) }}",
    "{{ {'b': 1, 'a': 2} | tojson(sort_keys=True) }}", "{{ {'a': 1} | tojson(False, 2) }}", "{{ [1.0, 1e20, 1e-7, -0.0, 'inf' | float] | tojson }}", "{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }}", "{{ nothing | tojson }}", "{{ range(2) | tojson }}", "{{ {'a': 1}.items() | tojson }}", "{{ 'a\\x01\\x7f\\\\\"/\\b' | tojson }}", "{{ (1, 2) | tojson(indent='--') }}", "{{ [1] | tojson(nope=1) }}",
    # Undefined.
    "[{{ nothing }}]{{ nothing is defined }}{{ nothing == other }}{{ nothing | length }}{{ not nothing }}", "{{ nothing.a }}", "{{ messages[0].nope }}[{{ messages[0]['nope'] }}]", "{{ messages[0].nope.deeper }}", "{{ nothing + 1 }}", "{{ nothing() }}", "{{ nothing < 1 }}", "{{ messages[9] is defined }}{{ messages[9].role is defined }}", "{{ none.a }}{{ 5 .a }}{{ none['a'] }}", "{{ 'a' if false }}|{{ ('a' if false) is defined }}",
    # Tests.
    LOOP + "{{ m.content is string }}{{ m is mapping }}{{ m.tool_calls is defined }}{{ m.role in ['user', 'tool'] }}{{ loop.index is odd }}{{ loop.index is divisibleby 2 }}" + END,
    "{{ [] is sequence }}{{ 'a' is sequence }}{{ {} is iterable }}{{ 1 is number }}{{ true is number }}{{ true is integer }}{{ 1.0 is float }}{{ none is none }}{{ true is true }}{{ 1 is true }}{{ 'A' is upper }}{{ range is callable }}{{ 1 is eq 1 }}{{ 2 is gt 1 }}{{ 'a' is in 'abc' }}{{ 1 is not none }}{{ 1 is sameas 1 }}", "{{ not 1 is odd }}{{ 1 is odd and 2 is even }}{{ 1 is none is none }}",
    # Functions.
    "{% set j = joiner(', ') %}" + LOOP + "{{ j() }}{{ m.role }}" + END, "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}", "{{ dict(a=1)['a'] }}{{ dict({'x': 1}, y=2) }}{{ dict([('k', 'v')]) }}", "{{ nope(1) }}", "{{ 1(2) }}", "{{ range(1, 2, 0) }}",
    # Expressions.
    "{{ 'a' if false else 'b' if true else 'c' }}{{ 1 or 2 }}{{ 0 or '' }}{{ 1 and 2 }}{{ not not 1 }}{{ 1 + 2 * 3 - 4 / 2 }}{{ (1, 2) }}{{ 1, 2 }}{{ (1) }}{{ () }}{{ -1 | abs }}{{ - - 1 }}{{ +1 }}", "{{ 1 +- 1 }}{{ [1, 2, ] }}{{ {'a': 1, } }}{{ dict(a=1, ) }}", "{{ }}", "{{ 1 2 }}", "{{ (1 }}", "{{ a b }}", "{{ [1, 2][0:1][0] }}{{ 'a'.upper().lower() }}{{ messages[0].role.upper()[0] }}{{ messages.0.role }}", "{{ größe is defined }}{% set größe = 1 %}{{ größe }}", "{% set a = b = 1 %}", "{% print 1, 2 %}",
]


def render(template):
    try:
        return _compile_jinja_template(template).render(**VARIABLES)
    except Exception:  # noqa: BLE001  whatever it is, transformers fails
        return None


if __name__ == "__main__":
    cases = ",\n".join(json.dumps([template, render(template)], ensure_ascii=False) for template in TEMPLATES)
    text = '{"variables": ' + json.dumps(VARIABLES, ensure_ascii=False) + ',\n"cases": [\n' + cases + "\n]}\n"
    Path(__file__).with_name("golden.json").write_text(text)
