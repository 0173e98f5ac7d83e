// Fields of forms: a label above, a unit beside, what is wrong below.

import { type InputHTMLAttributes, type ReactNode, useId } from 'react';

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value'> {
  label: string;
  value: string;
  onChange: (value: string) => void;
  unit?: string;
  hint?: ReactNode;
  wrong?: string;
}

export function Field({ label, value, onChange, unit, hint, wrong, ...rest }: FieldProps) {
  const id = useId();
  const said = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className={unit ? 'with-unit' : undefined}>
        <input
          id={id}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={said || undefined}
          autoComplete="off"
          {...rest}
        />
        {unit && <span className="unit">{unit}</span>}
      </div>
      {wrong && (
        <p className="wrong" id={`${id}-wrong`}>
          {wrong}
        </p>
      )}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A number; typed as text, since browsers disagree about commas in fields of numbers. */
export function NumberField(props: FieldProps) {
  return <Field inputMode="decimal" {...props} />;
}

/** One of a few ways, each with words about it. */
export function Choice<T extends string>({
  legend,
  options,
  value,
  onChange,
  isRow = false,
}: {
  legend: ReactNode;
  options: readonly { value: T; label: ReactNode; words?: ReactNode }[];
  value: T;
  onChange: (value: T) => void;
  isRow?: boolean;
}) {
  const name = useId();
  return (
    <fieldset className={`choice ${isRow ? 'in-row' : ''}`}>
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} className="option">
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>
            {option.label}
            {option.words && <span className="sub">{option.words}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
