"""Markdown, LaTeX and CSV of the same rows."""

import csv
import io
import re
import shutil
import subprocess

import pytest

NASTY = r'A&B_50% #1 {x} ~^\ $y$ <script> |p| [z]'


def test_markdown_marks_best_and_second(reports, row):
    text = reports([row('a', 0.7), row('b', 0.8), row('c', 0.6)])['md']
    assert '| b | **80.00** |' in text and '| a | <ins>70.00</ins> |' in text and '| c | 60.00 |' in text


def test_markdown_rows_have_as_many_cells_as_their_table(reports, row, reference):
    text = reports([row('a|b', 0.7, group='g'), row('c', 0.8, group='g', selection='test')], [reference])['md']
    tables = re.findall(r'(?:^\|.*\n)+', text, re.M)
    assert len(tables) >= 4
    for table in tables:
        assert len({len(re.findall(r'(?<!\\)\|', line)) for line in table.splitlines()}) == 1


def test_markdown_escapes_names(reports, row):
    text = reports([row(NASTY)])['md']
    assert '<script>' not in text and r'A&amp;B\_50% \#1 {x} \~^\\ \$y\$ &lt;script> \|p\| \[z\]' in text


def test_latex_is_bold_and_underlined_only_inside_a_group(reports, row):
    rows = [row('a', 0.7), row('b', 0.8), row('c', 0.99, protocol='acm', protocol_sha256='a' * 64)]
    text = reports(rows)['tex']
    assert r'b & \textbf{80.00}' in text and r'a & \underline{70.00}' in text and 'c & 99.00' in text


def test_latex_escapes_names(reports, row):
    text = reports([row(NASTY)])['tex']
    assert (r'A\&B\_50\% \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{} \$y\$ '
            r'\textless{}script\textgreater{} \textbar{}p\textbar{} {[}z{]}') in text


def test_latex_prints_deviation_and_dash_as_commands(reports, row):
    text = reports([row('a', 0.7, 0.8, Pd=[None, None])])['tex']
    assert r'75.00 $\pm$ 7.07' in text and '& -- &' in text
    assert text.isascii()


def test_latex_prints_a_command_as_it_is_typed(reports, row):
    command = ['tools/benchmark.py', '--suite', 'my suite.py', '--train']
    text = reports([row('a--b,,`c`')], command=command)['tex']
    assert r'benchmark.py -{}-suite \textquotesingle{}my suite.py\textquotesingle{} -{}-train}' in text
    assert r'a-{}-b,{},\textasciigrave{}c\textasciigrave{} & 70.00' in text


def test_latex_takes_no_name_for_a_command_of_the_line_before(reports, row):
    text = reports([row('a'), row("*Top ''hat''")])['tex']
    quote = r'\textquotesingle{}'
    assert rf'{{*}}Top {quote}{quote}hat{quote}{quote} & ' in text and not re.search(r'\\\\\s*[*\[]', text)


def check_structure(text):
    """Environments nest, braces balance, and every row of a tabular has as many cells as its columns."""
    stack = []
    for kind, name in re.findall(r'\\(begin|end)\{(\w+)\}', text):
        if kind == 'begin':
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    bare = re.sub(r'(?m)^%.*$', '', re.sub(r'\\[{}\\]', '', text))
    depth = 0
    for letter in bare:
        depth += {'{': 1, '}': -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert len(re.findall(r'(?<!\\)\$', text)) % 2 == 0
    found = re.findall(r'\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}', text, re.S)
    for columns, body in found:
        assert body.startswith('\\toprule') and body.rstrip().endswith('\\bottomrule')
        for line in body.splitlines():
            if line.startswith('\\multicolumn'):
                assert f'\\multicolumn{{{len(columns)}}}' in line and line.endswith(r' \\')
            elif not re.fullmatch(r'\\(top|mid|bottom)rule', line):
                assert line.endswith(r' \\') and len(re.findall(r'(?<!\\)&', line)) == len(columns) - 1
    return len(found)


def test_latex_has_the_structure_of_a_document(reports, row, reference):
    rows = [row(NASTY, 0.7, 0.8, group='g'), row('b', 0.8, group='g', text_at_test=True),
            row('c', 0.6, failed='100% full')]
    text = reports(rows, [reference], title=NASTY)['tex']
    assert check_structure(text) == 2
    assert text.index(r'\usepackage{booktabs}') < text.index(r'\begin{document}')


def test_latex_shrinks_what_is_too_long_or_wide_for_a_page_and_hyphenates_no_file_of_a_note(reports, row):
    text = reports([row(NASTY, 0.7, 0.8)])['tex']
    low = r'\resizebox*{!}{\ifdim\totalheight>.8\textheight .8\textheight\else\totalheight\fi}{%'
    narrow = r'\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%'
    assert 0 < text.index(low) < text.index(r'\begin{minipage}') < text.index(narrow) < text.index(r'\begin{tabular}')
    assert text.index(r'\end{tabular}}') < text.index(r'\footnotesize\raggedright') < text.index(r'\end{minipage}}')


def test_latex_compiles_and_nothing_is_cut_at_the_border_of_a_page(reports, row, tmp_path):
    if shutil.which('pdflatex') is None:
        pytest.skip('no pdflatex; Debian: apt-get install texlive-latex-recommended')
    rows = [row(f'{NASTY} {number}', 0.7, 0.8, group='g_1 & 2', failed=None if number else '100% of_it')
            for number in range(70)]
    (tmp_path / 'report.tex').write_text(reports(rows, title=NASTY)['tex'])
    done = subprocess.run(['pdflatex', '-interaction=nonstopmode', 'report.tex'], cwd=tmp_path, capture_output=True,
                          timeout=300, check=False)
    log = (tmp_path / 'report.log').read_text(errors='replace')
    assert re.findall('^!.*|^Overfull.*|Float too large.*', log, re.M) == []
    assert (done.returncode, 'Output written on report.pdf' in log) == (0, True)


def test_the_structural_check_sees_a_missing_cell(reports, row):
    text = reports([row('a')])['tex'].replace('a & 70.00', 'a 70.00')
    with pytest.raises(AssertionError):
        check_structure(text)


def lines_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_gives_every_figure_back(reports, row):
    values = [0.1 + 0.2, 1 / 3, 0.7]
    [line] = lines_of(reports([row(NASTY, *values, Pd=[0.5, None, 0.25])])['csv'])
    assert line['name'] == NASTY
    assert [float(value) for value in line['IoU_values'].split()] == values
    assert float(line['IoU_mean']) == sum(values) / 3 and line['IoU_n'] == '3'
    assert (line['Pd_values'], line['Pd_n'], line['Pd_mean']) == ('0.5 nan 0.25', '2', '0.375')
    assert line['seeds'] == '0 1 2'


def test_csv_leaves_the_deviation_of_one_seed_empty(reports, row):
    [line] = lines_of(reports([row('a')])['csv'])
    assert (line['IoU_std'], line['IoU_mean']) == ('', '0.7')


def test_csv_names_hashes_flags_and_failures(reports, row):
    fair, flagged, broken = lines_of(reports([
        row('a'), row('b', oracle_threshold=True), row('c', failed='killed', values={})])['csv'])
    assert fair['ids_sha256'] == 'e' * 64 and len(fair['protocol_sha256']) == 64
    assert (fair['fair'], flagged['fair'], flagged['oracle_threshold']) == ('1', '0', '1')
    assert (broken['failed'], broken['IoU_mean'], fair['failed']) == ('killed', '', '')


def test_csv_holds_what_a_method_costs(reports, row):
    cost = dict(parameters=3, macs_256=4, macs_512=16, size=256, cpu_ms=dict(p5=1.0, p50=2.0, p95=4.0), gpu_ms=None,
                memory_mib=0.5, gpu_memory_mib=None)
    measured, not_measured = lines_of(reports([row('a', cost=cost), row('b')])['csv'])
    found = {name.removeprefix('cost_'): value for name, value in measured.items() if name.startswith('cost_')}
    assert found == {
        'parameters': '3', 'macs_256': '4', 'macs_512': '16', 'size': '256', 'cpu_ms_p5': '1.0', 'cpu_ms_p50': '2.0',
        'cpu_ms_p95': '4.0', 'gpu_ms_p5': '', 'gpu_ms_p50': '', 'gpu_ms_p95': '', 'memory_mib': '0.5',
        'gpu_memory_mib': ''}
    assert {not_measured[f'cost_{name}'] for name in found} == {''}


def test_csv_holds_published_figures_as_rows_of_another_kind(reports, row, reference):
    ours, theirs = lines_of(reports([row('a')], [reference])['csv'])
    assert (ours['kind'], theirs['kind'], theirs['source']) == ('row', 'published', 'LGNet paper, Table 4')
    assert float(theirs['Fa_mean']) == 4.09e-06 and theirs['fair'] == '0'


def test_the_same_file_gives_the_same_reports(reports, row, reference):
    rows = [row('a', 0.7, 0.8, group='g'), row('b', group='g')]
    assert reports(rows, [reference]) == reports(rows, [reference])
